//! What the eighteenth group left and the nineteenth group of repositories showed.

use super::names_in;

#[test]
fn a_signal_handler_of_c_can_only_set_a_flag() {
    let found = |abi: &str| {
        names_in(&format!(
            "
use std::sync::atomic::{{AtomicBool, Ordering}};
use std::thread;
static STOP: AtomicBool = AtomicBool::new(false);
{abi} fn on_signal(_: i32) {{ stop(); }}
fn stop() {{ STOP.store(true, Ordering::SeqCst); }}
pub fn run() {{
    let action = SigAction::new(SigHandler::Handler(on_signal), flags(), SigSet::empty());
    unsafe {{ sigaction(SIGINT, &action).unwrap(); }}
    while !STOP.load(Ordering::SeqCst) {{
        thread::sleep(std::time::Duration::from_millis(100));
    }}
}}
"
        ))
    };
    assert_eq!(found("extern \"C\""), [""; 0]);
    assert_eq!(found("pub"), ["busy-wait"]);
}
