//! Where a span lies in bytes, for formats that count them.

use std::collections::BTreeMap;

use conclint_diag::Span;

use crate::Sources;

/// Lines of the sources; a file is looked through the first time it is asked for.
pub(crate) struct Lines<'a> {
    sources: &'a Sources,
    starts: BTreeMap<&'a str, Vec<usize>>,
}

/// A line of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Bytes before it in the file.
    pub(crate) offset: usize,
    /// Without its end.
    pub(crate) text: &'a str,
}

impl Line<'_> {
    /// Bytes of the line before `column`, which counts characters from 1.
    pub(crate) fn bytes_before(&self, column: u32) -> usize {
        let before = (column as usize).saturating_sub(1);
        self.text
            .char_indices()
            .nth(before)
            .map_or(self.text.len(), |(at, _)| at)
    }
}

impl<'a> Lines<'a> {
    pub(crate) fn new(sources: &'a Sources) -> Self {
        Lines {
            sources,
            starts: BTreeMap::new(),
        }
    }

    /// Line `number`, from 1, where the source is known and has it.
    pub(crate) fn get(&mut self, file: &str, number: u32) -> Option<Line<'a>> {
        let (file, text) = self.sources.get_key_value(file)?;
        let starts = self.starts.entry(file).or_insert_with(|| {
            let after = text.match_indices('\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(after).collect()
        });
        let index = (number as usize).checked_sub(1)?;
        let offset = *starts.get(index)?;
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let line = text.get(offset..end)?;
        Some(Line {
            offset,
            text: line.trim_end_matches(['\n', '\r']),
        })
    }

    /// The byte range of `span` in its file.
    pub(crate) fn bytes(&mut self, span: &Span) -> Option<(usize, usize)> {
        let first = self.get(&span.file, span.line)?;
        let start = first.offset + first.bytes_before(span.column);
        let end = match self.get(&span.file, span.end_line) {
            Some(last) => last.offset + last.bytes_before(span.end_column),
            None => start,
        };
        Some((start, end.max(start)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn characters_become_bytes() {
        let sources: Sources = [(Arc::from("a"), Arc::from("xé𐐀y\r\nsecond"))].into();
        let mut lines = Lines::new(&sources);
        let span = |line, column, end_line, end_column| Span {
            file: Arc::from("a"),
            line,
            column,
            end_line,
            end_column,
        };
        assert_eq!(lines.bytes(&span(1, 2, 1, 4)), Some((1, 7)));
        assert_eq!(lines.bytes(&span(1, 4, 2, 3)), Some((7, 12)));
        assert_eq!(lines.bytes(&span(2, 99, 2, 1)), Some((16, 16)));
        assert_eq!(lines.bytes(&span(2, 1, 9, 1)), Some((10, 10)));
        assert_eq!(lines.bytes(&span(3, 1, 3, 2)), None);
        assert_eq!(lines.bytes(&span(0, 0, 0, 0)), None);
        assert_eq!(lines.get("a", 1).map(|l| l.text), Some("xé𐐀y"));
        assert_eq!(lines.get("b", 1), None);
    }
}
