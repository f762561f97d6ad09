//! What the attributes take.

use std::collections::BTreeMap;

use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitInt, LitStr, Token};

const KEYS: [&str; 4] = ["schedules", "strategy", "preemptions", "seed"];

/// As `conclint explore --strategy` takes them.
const STRATEGIES: [&str; 6] = ["portfolio", "random", "pct", "pos", "bounded", "exhaustive"];

/// Settings of one test, each at most once.
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// `KEY=VALUE`, parted by spaces, sorted by key.
    pub(crate) fn text(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(k, v)| format!("{k}={v}")).collect();
        parts.join(" ")
    }
}

impl Parse for Settings {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Err(input.error(
                "nothing is set: write `#[conclint_test::explore(schedules = 1000)]`, or any of \
                 schedules, strategy, preemptions, seed",
            ));
        }
        let mut settings = BTreeMap::new();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            let name = key.to_string();
            if !KEYS.contains(&name.as_str()) {
                let message = format!("unknown setting `{name}`; there are {}", KEYS.join(", "));
                return Err(syn::Error::new(key.span(), message));
            }
            input.parse::<Token![=]>()?;
            let value = value(&name, input)?;
            if settings.insert(name.clone(), value).is_some() {
                let message = format!("`{name}` is set twice");
                return Err(syn::Error::new(key.span(), message));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        let bounded = settings.get("strategy").is_none_or(|s| s == "bounded");
        if settings.contains_key("preemptions") && !bounded {
            return Err(input.error(
                "`preemptions` bounds the strategy \"bounded\": write `strategy = \"bounded\"`, or \
                 leave one of the two out",
            ));
        }
        Ok(Settings(settings))
    }
}

fn value(key: &str, input: ParseStream<'_>) -> syn::Result<String> {
    if key == "strategy" {
        let text: LitStr = input
            .parse()
            .map_err(|e| syn::Error::new(e.span(), "a strategy is a string, such as \"pct\""))?;
        if !STRATEGIES.contains(&text.value().as_str()) {
            let message = format!(
                "there is no strategy {:?}; there are {}",
                text.value(),
                STRATEGIES.join(", ")
            );
            return Err(syn::Error::new(text.span(), message));
        }
        return Ok(text.value());
    }
    let wrong = |span| syn::Error::new(span, format!("`{key}` is a whole number"));
    let number: LitInt = input.parse().map_err(|e| wrong(e.span()))?;
    let most = match key {
        "preemptions" => u64::from(u32::MAX),
        _ => u64::MAX,
    };
    match number.base10_parse::<u64>() {
        Ok(0) if key == "schedules" => Err(syn::Error::new(
            number.span(),
            "no schedule is no exploration: write at least 1, or `#[conclint_test::skip(reason = \"..\")]`",
        )),
        Ok(n) if n <= most && number.suffix().is_empty() => Ok(n.to_string()),
        _ => Err(wrong(number.span())),
    }
}

/// `reason = "..."`, and nothing else.
pub(crate) struct Reason(pub(crate) String);

impl Parse for Reason {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        const WRITE: &str = "say why: write `#[conclint_test::skip(reason = \"..\")]`";
        let wrong = |e: syn::Error| syn::Error::new(e.span(), WRITE);
        let key: Ident = input.parse().map_err(wrong)?;
        if key != "reason" {
            return Err(syn::Error::new(key.span(), WRITE));
        }
        input.parse::<Token![=]>().map_err(wrong)?;
        let text: LitStr = input.parse().map_err(wrong)?;
        if text.value().trim().is_empty() {
            return Err(syn::Error::new(text.span(), WRITE));
        }
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error(WRITE));
        }
        Ok(Reason(text.value()))
    }
}
