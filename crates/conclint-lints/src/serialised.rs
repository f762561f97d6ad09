//! Locks that keep slow operations in order.

/// Types whose lock serialises the very operation: a file, a socket, a child,
/// a channel end.
const SERIALISED: &[&str] = &[
    "File",
    "OpenOptions",
    "BufReader",
    "BufWriter",
    "LineWriter",
    "Read",
    "Write",
    "Seek",
    "AsyncRead",
    "AsyncWrite",
    "Stdin",
    "Stdout",
    "Stderr",
    "Child",
    "ChildStdin",
    "ChildStdout",
    "Command",
    "TcpStream",
    "UdpSocket",
    "TcpListener",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "Stream",
    "Socket",
    "Sender",
    "SyncSender",
    "Receiver",
    "UnboundedSender",
    "UnboundedReceiver",
    "Writer",
    "Reader",
    "Terminal",
    "Term",
    "Pty",
    "Log",
    "Logger",
    "JoinHandle",
    "Barrier",
];

/// What asks another program for something each time that it is used.
const CONNECTIONS: &[&str] = &[
    "Connection",
    "Conn",
    "Client",
    "Session",
    "Transaction",
    "Transport",
];

/// Whether a lock of this type serialises what is done under it.
pub(crate) fn is_serialised(type_text: &str) -> bool {
    names_any(type_text, SERIALISED) || is_connection(type_text)
}

/// Whether what is done with data of this type waits for another program.
pub(crate) fn is_connection(type_text: &str) -> bool {
    names_any(type_text, CONNECTIONS)
}

/// Whether the type's text holds one of these names, whole or as the last
/// word of a longer one (`LogWriter`).
pub(crate) fn names_any(type_text: &str, names: &[&str]) -> bool {
    type_text
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| {
            names
                .iter()
                .any(|name| word == *name || ends_in_word(word, name))
        })
}

fn ends_in_word(word: &str, name: &str) -> bool {
    word.strip_suffix(name)
        .is_some_and(|front| front.ends_with(|c: char| c.is_lowercase() || c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serialising_types() {
        assert!(is_serialised("Mutex<File>"));
        assert!(is_serialised("Arc<Mutex<Option<io::BufWriter<File>>>>"));
        assert!(is_serialised("Mutex<LogWriter>"));
        assert!(is_serialised("Mutex<mpsc::Receiver<Job>>"));
        assert!(!is_serialised("Mutex<Profile>"));
        assert!(!is_serialised("RwLock<HashMap<String, Vec<u8>>>"));
    }
}
