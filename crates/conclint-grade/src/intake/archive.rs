//! Archives, read into memory with bounds.
//!
//! Refused as a whole: absolute paths, `..`, too many entries, too many bytes. Links and devices
//! are left out and named. Sizes that an archive states about itself are not believed.

use std::io::{BufRead, Read, Seek};

use anyhow::{Context as _, Result, anyhow, ensure};

use super::tree::{Bounds, Content, Found, Kind, content, decoded, kind};
use crate::text;

/// The name says that it is one that can be read.
pub(crate) fn is_archive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".zip", ".tar.gz", ".tgz", ".tar"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The name says that it is one that cannot be read.
pub(crate) fn is_foreign(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [".7z", ".rar", ".bz2", ".xz", ".zst", ".gz"]
        .iter()
        .any(|end| name.ends_with(end))
        && !is_archive(&name)
}

/// An entry's name, without what says nothing in it. `None` for a directory's.
fn checked(name: &str) -> Result<Option<String>> {
    let drive = name.as_bytes().get(1) == Some(&b':');
    ensure!(
        !drive && !name.starts_with(['/', '\\']) && !name.split(['/', '\\']).any(|p| p == ".."),
        "the archive has a path that leads out of it: {}",
        text::clean(name, 80)
    );
    if name.ends_with('/') {
        return Ok(None);
    }
    let parts = name.split('/').filter(|p| !matches!(*p, "" | "."));
    let name = parts.collect::<Vec<_>>().join("/");
    Ok((!name.is_empty()).then_some(name))
}

struct Bounded {
    found: Found,
    entries: usize,
    total: u64,
    bounds: Bounds,
}

impl Bounded {
    fn new(bounds: Bounds) -> Self {
        Bounded {
            found: Found::default(),
            entries: 0,
            total: 0,
            bounds,
        }
    }

    fn entry(&mut self) -> Result<()> {
        self.entries += 1;
        ensure!(
            self.entries <= self.bounds.entries,
            "the archive has more than {} entries",
            self.bounds.entries
        );
        Ok(())
    }

    fn file(&mut self, name: String, reader: impl Read) -> Result<()> {
        let Some(kind) = kind(&name) else {
            return Ok(());
        };
        let content = content(&name, kind, reader);
        if let Content::Rust(bytes) | Content::Archive(bytes) = &content {
            self.total += bytes.len() as u64;
        }
        ensure!(
            self.total <= self.bounds.total,
            "the archive unpacks to more than {} bytes",
            self.bounds.total
        );
        self.found.insert(name, content);
        Ok(())
    }

    fn link(&mut self, name: &str) {
        let name = text::clean(name, 80);
        self.found
            .notes
            .push(format!("{name} is a link or a device and left out"));
    }
}

/// Every file in an archive that has this name.
///
/// # Errors
/// Where it is damaged or goes beyond the bounds.
pub(crate) fn read(name: &str, reader: impl BufRead + Seek, bounds: Bounds) -> Result<Found> {
    let name = name.to_ascii_lowercase();
    if name.ends_with(".zip") {
        zip(reader, bounds)
    } else if name.ends_with(".tar") {
        tar(reader.take(bounds.skipped), bounds)
    } else {
        let reader = flate2::bufread::MultiGzDecoder::new(reader);
        tar(reader.take(bounds.skipped), bounds)
    }
}

fn zip(reader: impl Read + Seek, bounds: Bounds) -> Result<Found> {
    let mut archive = zip::ZipArchive::new(reader)
        .map_err(|_| anyhow!("it is no zip archive, or a damaged one"))?;
    let mut out = Bounded::new(bounds);
    for index in 0..archive.len() {
        out.entry()?;
        let entry = archive
            .by_index_raw(index)
            .context("a damaged zip archive")?;
        let mut name = decoded(entry.name_raw());
        // Some programs on Windows write the separator of their own system.
        if !name.contains('/') {
            name = name.replace('\\', "/");
        }
        let Some(name) = checked(&name)? else {
            continue;
        };
        let mode = entry.unix_mode().unwrap_or(0o100_000) & 0o170_000;
        let locked = entry.encrypted();
        drop(entry);
        let looked_at = matches!(kind(&name), Some(Kind::Rust | Kind::Archive));
        if mode != 0o100_000 && mode != 0 {
            out.link(&name);
        } else if locked && looked_at {
            let why = format!("{} is encrypted", text::clean(&name, 80));
            out.found.insert(name, Content::Broken(why));
        } else if looked_at {
            let entry = archive.by_index(index).context("a damaged zip archive")?;
            out.file(name, entry)?;
        } else {
            out.file(name, std::io::empty())?;
        }
    }
    Ok(out.found)
}

fn tar(reader: impl Read, bounds: Bounds) -> Result<Found> {
    let mut archive = tar::Archive::new(reader);
    let mut out = Bounded::new(bounds);
    for entry in archive.entries().context("no readable tar archive")? {
        out.entry()?;
        let entry = entry.context("a damaged or too large tar archive")?;
        let Some(name) = checked(&decoded(&entry.path_bytes()))? else {
            continue;
        };
        let kind = entry.header().entry_type();
        if kind.is_file() || kind.is_contiguous() {
            out.file(name, entry)?;
        } else if !kind.is_dir() && !kind.is_pax_global_extensions() {
            out.link(&name);
        }
    }
    Ok(out.found)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::tree::{MAX_FILE, STUDENT};
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

    fn opened(file: &tempfile::NamedTempFile) -> Result<Found> {
        super::super::tree::packed(file.path(), STUDENT)
    }

    fn text(found: &Found, name: &str) -> Option<String> {
        match found.files.get(name)? {
            Content::Rust(bytes) => String::from_utf8(bytes.clone()).ok(),
            other => Some(format!("{other:?}")),
        }
    }

    #[test]
    fn a_good_one() {
        let file = zipped(&[
            ("x/src/lib.rs", b"pub fn f() {}"),
            ("x/./notes.txt", b"hi"),
            ("x\\windows.rs", b"not one of its separators"),
            ("x/target/y.rs", b""),
        ]);
        let found = opened(&file).unwrap();
        let names: Vec<&str> = found.files.keys().map(String::as_str).collect();
        assert_eq!(names, ["x/notes.txt", "x/src/lib.rs", "x/windows.rs"]);
        assert_eq!(text(&found, "x/src/lib.rs").unwrap(), "pub fn f() {}");
        assert_eq!(text(&found, "x/notes.txt").unwrap(), "Other");
    }

    #[test]
    fn bad_ones_are_refused_whole() {
        for name in [
            "../lib.rs",
            "/lib.rs",
            "a/../../lib.rs",
            "a\\..\\lib.rs",
            "C:\\lib.rs",
        ] {
            let file = zipped(&[("ok.rs", b""), (name, b"")]);
            let error = opened(&file).unwrap_err().to_string();
            assert!(error.contains("leads out"), "{name}: {error}");
        }
    }

    #[test]
    fn a_bomb_is_not_read_to_its_end() {
        let bomb = vec![b' '; usize::try_from(MAX_FILE).unwrap() + 1];
        let found = opened(&zipped(&[("lib.rs", &bomb), ("ok.rs", b"")])).unwrap();
        let told = text(&found, "lib.rs").unwrap();
        assert!(told.contains("more than 1048576 bytes"), "{told}");
        assert_eq!(text(&found, "ok.rs").unwrap(), "");
        let big = vec![b' '; usize::try_from(MAX_FILE).unwrap()];
        let names: Vec<String> = (0..33).map(|n| format!("{n}.rs")).collect();
        let all: Vec<(&str, &[u8])> = names.iter().map(|n| (n.as_str(), &big[..])).collect();
        let error = opened(&zipped(&all)).unwrap_err().to_string();
        assert!(error.contains("unpacks to more than"), "{error}");
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
        let found = opened(&file).unwrap();
        assert!(found.files.is_empty());
        assert!(found.notes[0].contains("left out"), "{:?}", found.notes);
    }

    #[test]
    fn noise_is_no_archive() {
        let mut file = tempfile::Builder::new().suffix(".zip").tempfile().unwrap();
        file.write_all(b"PK\x03\x04 and then nothing").unwrap();
        assert!(opened(&file).is_err());
    }
}
