//! Types that only the thread of a user interface has.

use crate::index::{Ty, last_segment};

/// Whether a parameter of this type tells that the thread of the interface
/// calls: its toolkit hands it to callbacks there, and it cannot be sent on.
pub fn is_of_ui_thread(ty: &Ty) -> bool {
    let Ty::Ext(path, _) = ty else { return false };
    let name = last_segment(path);
    match path.split("::").next().unwrap_or_default() {
        "winit" | "tao" => matches!(name, "ActiveEventLoop" | "EventLoopWindowTarget"),
        "eframe" => matches!(name, "Frame" | "CreationContext" | "Ui"),
        "egui" => name == "Ui",
        "gpui" => matches!(
            name,
            "App"
                | "AppContext"
                | "AsyncApp"
                | "AsyncAppContext"
                | "AsyncWindowContext"
                | "Context"
                | "ModelContext"
                | "ViewContext"
                | "Window"
                | "WindowContext"
        ),
        "gtk" | "gtk4" | "adw" | "libadwaita" | "web_sys" | "js_sys" => true,
        "objc2" | "objc2_foundation" => name == "MainThreadMarker",
        _ => false,
    }
}
