//! Archives, read into memory with bounds.
//!
//! Refused as a whole: absolute paths, `..`, too many entries, too many bytes. Links and devices
//! are left out and named. Sizes that an archive states about itself are not believed.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

use super::{Found, MAX_ENTRIES, MAX_FILE, Submission, is_plain_path, names, wanted};
use crate::assignment::Assignment;
use crate::text;

/// An archive may have so many bytes,
const MAX_PACKED: u64 = 64 << 20;
/// and so many when unpacked, of every file that is looked at.
const MAX_TOTAL: u64 = 32 << 20;
/// What is not looked at costs time only.
const MAX_SKIPPED: u64 = 1 << 30;

/// The name says that it is one.
pub(crate) fn is_archive(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_ascii_lowercase();
    [".zip", ".tar.gz", ".tgz", ".tar"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// An entry's name, checked. `None` for a directory's.
fn checked(name: &[u8]) -> Result<Option<String>> {
    let name = String::from_utf8_lossy(name);
    let name = name.strip_prefix("./").unwrap_or(&name);
    if name.is_empty() || name.ends_with('/') {
        ensure!(
            name.is_empty() || is_plain_path(name.trim_end_matches('/')),
            "the archive has a path that leads out of it: {}",
            text::clean(name, 80)
        );
        return Ok(None);
    }
    ensure!(
        is_plain_path(name),
        "the archive has a path that leads out of it: {}",
        text::clean(name, 80)
    );
    Ok(Some(name.to_owned()))
}

struct Bounded {
    found: Found,
    entries: usize,
    total: u64,
}

impl Bounded {
    fn new() -> Self {
        Bounded {
            found: Found::default(),
            entries: 0,
            total: 0,
        }
    }

    fn entry(&mut self) -> Result<()> {
        self.entries += 1;
        ensure!(
            self.entries <= MAX_ENTRIES,
            "the archive has more than {MAX_ENTRIES} entries"
        );
        Ok(())
    }

    fn file(&mut self, name: String, reader: impl Read) -> Result<()> {
        let mut bytes = Vec::new();
        reader
            .take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .with_context(|| format!("{}: damaged", text::clean(&name, 80)))?;
        let size = bytes.len() as u64;
        ensure!(
            size <= MAX_FILE,
            "{} has more than {MAX_FILE} bytes",
            text::clean(&name, 80)
        );
        self.total += size;
        ensure!(
            self.total <= MAX_TOTAL,
            "the archive unpacks to more than {MAX_TOTAL} bytes"
        );
        self.found.files.insert(name, bytes);
        Ok(())
    }

    fn link(&mut self, name: &str) {
        let name = text::clean(name, 80);
        self.found
            .notes
            .push(format!("{name} is a link or a device and left out"));
    }
}

/// Every Rust file in an archive.
pub(crate) fn read(path: &Path) -> Result<Found> {
    let packed = fs::metadata(path)?.len();
    ensure!(
        packed <= MAX_PACKED,
        "the archive has more than {MAX_PACKED} bytes"
    );
    let name = path.to_string_lossy().to_ascii_lowercase();
    let file = BufReader::new(File::open(path)?);
    if name.ends_with(".zip") {
        zip(file)
    } else if name.ends_with(".tar") {
        tar(file.take(MAX_SKIPPED))
    } else {
        tar(flate2::bufread::GzDecoder::new(file).take(MAX_SKIPPED))
    }
}

fn zip(file: BufReader<File>) -> Result<Found> {
    let mut archive = zip::ZipArchive::new(file).context("no readable zip archive")?;
    let mut out = Bounded::new();
    for index in 0..archive.len() {
        out.entry()?;
        let entry = archive.by_index(index).context("a damaged zip archive")?;
        let Some(name) = checked(entry.name_raw())? else {
            continue;
        };
        let kind = entry.unix_mode().unwrap_or(0o100_000) & 0o170_000;
        if kind != 0o100_000 && kind != 0 {
            out.link(&name);
        } else if wanted(&name) {
            out.file(name, entry)?;
        }
    }
    Ok(out.found)
}

fn tar(reader: impl Read) -> Result<Found> {
    let mut archive = tar::Archive::new(reader);
    let mut out = Bounded::new();
    for entry in archive.entries().context("no readable tar archive")? {
        out.entry()?;
        let entry = entry.context("a damaged or too large tar archive")?;
        let Some(name) = checked(&entry.path_bytes())? else {
            continue;
        };
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_contiguous() {
            if wanted(&name) {
                out.file(name, entry)?;
            }
        } else if !kind.is_dir() && !kind.is_pax_global_extensions() {
            out.link(&name);
        }
    }
    Ok(out.found)
}

/// The archive holds many students' work: Moodle's download, or more than one top folder.
pub(crate) fn many(path: &Path) -> bool {
    let Ok(found) = read(path) else { return false };
    let names = found.files.keys();
    let tops: std::collections::BTreeSet<_> = names.filter_map(|n| n.split('/').next()).collect();
    tops.iter().any(|t| t.contains("_assignsubmission_"))
}

/// One submission for each top entry of an archive.
pub(crate) fn split(assignment: &Assignment, path: &Path) -> Result<Vec<Submission>> {
    let found = read(path)?;
    let mut by_top: BTreeMap<String, Found> = BTreeMap::new();
    for (name, bytes) in found.files {
        let Some((top, rest)) = name.split_once('/') else {
            continue;
        };
        let found = by_top.entry(top.to_owned()).or_default();
        found.files.insert(rest.to_owned(), bytes);
    }
    if by_top.is_empty() {
        bail!("no submission in {}", path.display());
    }
    let mut list = Vec::new();
    for (top, found) in by_top {
        let mut submission = Submission::new(&top);
        submission.choose(assignment, found);
        list.push(submission);
    }
    names::merge(&mut list);
    Ok(list)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn zipped(entries: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
        let mut file = tempfile::Builder::new().suffix(".zip").tempfile().unwrap();
        let mut zip = zip::ZipWriter::new(&mut file);
        for (name, bytes) in entries {
            let options = zip::write::SimpleFileOptions::default();
            zip.start_file(*name, options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        file
    }

    #[test]
    fn a_good_one() {
        let file = zipped(&[("x/src/lib.rs", b"pub fn f() {}"), ("x/notes.txt", b"hi")]);
        let found = read(file.path()).unwrap();
        assert_eq!(found.files.len(), 1);
        assert_eq!(found.files["x/src/lib.rs"], b"pub fn f() {}");
    }

    #[test]
    fn bad_ones_are_refused_whole() {
        for name in ["../lib.rs", "/lib.rs", "a/../../lib.rs", "a\\..\\lib.rs"] {
            let file = zipped(&[("ok.rs", b""), (name, b"")]);
            let error = read(file.path()).unwrap_err().to_string();
            assert!(error.contains("leads out"), "{name}: {error}");
        }
        let bomb = vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1];
        let error = read(zipped(&[("lib.rs", &bomb)]).path()).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
    }

    #[test]
    fn links_are_left_out() {
        let mut file = tempfile::Builder::new().suffix(".tar").tempfile().unwrap();
        let mut tar = tar::Builder::new(&mut file);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "src/lib.rs", "/etc/passwd")
            .unwrap();
        tar.into_inner().unwrap();
        let found = read(file.path()).unwrap();
        assert!(found.files.is_empty());
        assert!(found.notes[0].contains("left out"), "{:?}", found.notes);
    }

    #[test]
    fn noise_is_no_archive() {
        let mut file = tempfile::Builder::new().suffix(".zip").tempfile().unwrap();
        file.write_all(b"PK\x03\x04 and then nothing").unwrap();
        assert!(read(file.path()).is_err());
    }
}
