//! Ways to read a file as a value: text, number, switch, choice.

use crate::host::{Host, Unreadable};

/// Longest text that is a fact: a kernel command line is at most 4096 bytes on x86 and arm64
/// (`COMMAND_LINE_SIZE` is 2048 there).
const LONGEST: usize = 4096;

/// The text of a file that holds some.
pub(super) fn text(host: &Host, path: &str) -> Result<String, Unreadable> {
    match host.read(path)? {
        text if text.is_empty() => Err(Unreadable::because("the file is empty")),
        text if text.len() > LONGEST => Err(Unreadable::because("the text is too long")),
        text => Ok(text),
    }
}

/// A list of CPUs as text, where an empty file means that there are none.
pub(super) fn list_or_none(host: &Host, path: &str) -> Result<String, Unreadable> {
    let list = host.read(path)?;
    let cpus = crate::host::cpulist::parse(&list).map_err(Unreadable::because)?;
    Ok(if cpus.is_empty() { "none".to_owned() } else { list })
}

/// The whole number that a file holds.
pub(super) fn number(host: &Host, path: &str) -> Result<i64, Unreadable> {
    parsed(&text(host, path)?)
}

/// The number in a text.
pub(super) fn parsed(text: &str) -> Result<i64, Unreadable> {
    let shown = || text.chars().take(24).collect::<String>();
    text.parse().map_err(|_| Unreadable::because(format!("{:?} is not a number", shown())))
}

/// A switch: 1 or 0, Y or N.
pub(super) fn flag(host: &Host, path: &str) -> Result<bool, Unreadable> {
    match text(host, path)?.as_str() {
        "1" | "Y" => Ok(true),
        "0" | "N" => Ok(false),
        other => parsed(other).map(|number| number != 0),
    }
}

/// The chosen one of several: `always [madvise] never`.
pub(super) fn choice(host: &Host, path: &str) -> Result<String, Unreadable> {
    let text = text(host, path)?;
    let chosen = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let chosen = chosen.map(|(chosen, _)| chosen.to_owned());
    chosen.ok_or_else(|| Unreadable::because("no choice is marked"))
}

/// A value that the topology holds, or why it does not: the reason of `path`.
pub(super) fn known<T>(value: Option<T>, host: &Host, path: &str) -> Result<T, Unreadable> {
    value.ok_or_else(|| match (host.read(path), host.list(path)) {
        (Ok(_), _) | (_, Ok(_)) => Unreadable::because("not told there"),
        (Err(why), Err(_)) => why,
    })
}

/// "No" for a folder that does not exist, where `parent` can be seen.
pub(super) fn unless_absent(
    host: &Host,
    parent: &str,
    read: Result<bool, Unreadable>,
) -> Result<bool, Unreadable> {
    match read {
        Err(why) if why.is_absent() => host.list(parent).map(|_| false),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::{choice, flag, number, text};
    use crate::host::Host;

    #[test]
    fn files_read_as_values_or_reasons() {
        let host = Host::of(&[
            ("file /y", "Y\n"),
            ("file /2", "2"),
            ("file /thp", "always [madvise] never"),
            ("file /empty", " \n"),
            ("file /long", &"x".repeat(5000)),
        ]);
        let why = |path| text(&host, path).map_err(|why| why.to_string());
        assert_eq!((flag(&host, "/y"), flag(&host, "/2")), (Ok(true), Ok(true)));
        assert_eq!(choice(&host, "/thp").as_deref(), Ok("madvise"));
        assert_eq!(number(&host, "/2"), Ok(2));
        assert_eq!(
            number(&host, "/y").map_err(|w| w.to_string()),
            Err("\"Y\" is not a number".into())
        );
        assert_eq!(why("/empty"), Err("the file is empty".to_owned()));
        assert_eq!(why("/long"), Err("the text is too long".to_owned()));
        assert_eq!(why("/none"), Err("no such file".to_owned()));
        assert!(choice(&host, "/y").is_err());
    }
}
