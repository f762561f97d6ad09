//! The attributes of `conclint-test`: [`macro@explore`] and [`macro@skip`].
//!
//! Under plain `cargo test` they leave the function exactly as it is. Under
//! `conclint explore` they tell the shadow test harness what was asked for, by
//! a convention that needs neither `unsafe` nor a variable at run time:
//!
//! - the build that explores sets `CONCLINT_SHADOW_TEST` for the compiler,
//!   which is where this crate runs;
//! - settings of a test `t` become a second test beside it,
//!   `__conclint_settings_t`, ignored with the reason
//!   `conclint::explore KEY=VALUE ..`; the shadow harness takes it out of its
//!   list and keeps the settings for `t`;
//! - a skipped test becomes an ignored one with the reason given.
//!
//! Refuses what it does not understand, with what to write instead.

mod settings;

use proc_macro::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, ItemFn, LitStr, parse_macro_input};

use settings::{Reason, Settings};

/// Set for the compiler where the build explores.
const EXPLORING: &str = "CONCLINT_SHADOW_TEST";

/// Sets how `conclint explore` explores the test below it:
/// `#[explore(schedules = 1000, strategy = "pct", preemptions = 2, seed = 7)]`,
/// each of them as needed. Stands above `#[test]`.
#[proc_macro_attribute]
pub fn explore(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let settings = parse_macro_input!(arguments as Settings);
    let function = parse_macro_input!(item as ItemFn);
    if let Err(error) = on_a_test(&function, "explore", "skip") {
        return error.into_compile_error().into();
    }
    if !exploring() {
        return quote!(#function).into();
    }
    let marker = format_ident!("__conclint_settings_{}", function.sig.ident);
    let reason = format!("conclint::explore {}", settings.text());
    // Whatever decides whether the test is there decides it for the marker.
    let cfgs = function.attrs.iter().filter(|a| a.path().is_ident("cfg"));
    quote! {
        #(#cfgs)*
        #[test]
        #[ignore = #reason]
        fn #marker() {}
        #function
    }
    .into()
}

/// Keeps `conclint explore` from exploring the test below it:
/// `#[skip(reason = "talks to a server")]`. Stands above `#[test]`; plain
/// `cargo test` runs the test as ever.
#[proc_macro_attribute]
pub fn skip(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let reason = parse_macro_input!(arguments as Reason);
    let mut function = parse_macro_input!(item as ItemFn);
    if let Err(error) = on_a_test(&function, "skip", "explore") {
        return error.into_compile_error().into();
    }
    let ignored = function.attrs.iter().any(|a| a.path().is_ident("ignore"));
    if exploring() && !ignored {
        let reason = LitStr::new(&reason.0, proc_macro2::Span::call_site());
        function.attrs.push(syn::parse_quote!(#[ignore = #reason]));
    }
    quote!(#function).into()
}

fn exploring() -> bool {
    std::env::var_os(EXPLORING).is_some()
}

/// `#[test]` must stand below, and `other` must not.
fn on_a_test(function: &ItemFn, this: &str, other: &str) -> syn::Result<()> {
    let last = |attribute: &Attribute| {
        let segment = attribute.path().segments.last();
        segment.map_or(String::new(), |s| s.ident.to_string())
    };
    if let Some(twice) = function
        .attrs
        .iter()
        .find(|a| last(a) == other && a.path().segments.len() > 1)
    {
        return Err(syn::Error::new_spanned(
            twice,
            "a test is explored or skipped, not both: take one of the two attributes out",
        ));
    }
    if function.attrs.iter().any(|a| last(a) == "test") {
        return Ok(());
    }
    Err(syn::Error::new_spanned(
        &function.sig.ident,
        format!(
            "`#[conclint_test::{this}(..)]` belongs to a test: write `#[test]` below it, above `fn {}`",
            function.sig.ident
        ),
    ))
}
