//! Placement as axis values: which pages, and which memory nodes.

use std::fmt;
use std::str::FromStr;

/// The page size that is asked of the system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pages {
    /// Whatever the system gives a program that does not ask.
    #[default]
    Default,
    /// Base pages of 4 KiB, never transparently huge.
    Base4k,
    /// Transparent huge pages.
    Thp,
    /// Reserved huge pages of 2 MiB.
    Huge2m,
    /// Reserved huge pages of 1 GiB.
    Huge1g,
}

impl Pages {
    const ALL: [Self; 5] = [Self::Default, Self::Base4k, Self::Thp, Self::Huge2m, Self::Huge1g];

    fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Base4k => "4k",
            Self::Thp => "thp",
            Self::Huge2m => "2m",
            Self::Huge1g => "1g",
        }
    }
}

impl fmt::Display for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Pages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|pages| pages.name() == text);
        found.ok_or_else(|| format!("{text:?} is no page size (default, 4k, thp, 2m, 1g)"))
    }
}

/// Which memory nodes are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The node of the CPU that touches a page first, as the system does by itself.
    #[default]
    FirstTouch,
    /// This node and no other.
    Bind(usize),
    /// This node while it has free memory.
    Preferred(usize),
    /// All allowed nodes in turn, page by page.
    Interleave,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstTouch => f.write_str("first-touch"),
            Self::Bind(node) => write!(f, "bind:{node}"),
            Self::Preferred(node) => write!(f, "preferred:{node}"),
            Self::Interleave => f.write_str("interleave"),
        }
    }
}

impl FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = match text.split_once(':') {
            None if text == "first-touch" => Some(Self::FirstTouch),
            None if text == "interleave" => Some(Self::Interleave),
            Some(("bind", node)) => node.parse().ok().map(Self::Bind),
            Some(("preferred", node)) => node.parse().ok().map(Self::Preferred),
            _ => None,
        };
        read.ok_or_else(|| {
            format!("{text:?} is no policy (first-touch, bind:NODE, preferred:NODE, interleave)")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Pages, Policy};

    #[test]
    fn axis_values_read_back_what_they_print() {
        for pages in Pages::ALL {
            assert_eq!(pages.to_string().parse(), Ok(pages));
        }
        let policies =
            [Policy::FirstTouch, Policy::Bind(3), Policy::Preferred(0), Policy::Interleave];
        for policy in policies {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
    }

    #[test]
    fn unknown_texts_name_the_choices() {
        assert!("2M".parse::<Pages>().unwrap_err().contains("thp"));
        for bad in ["", "bind", "bind:", "bind:-1", "first-touch:0", "x:1"] {
            assert!(bad.parse::<Policy>().unwrap_err().contains("bind:NODE"), "{bad}");
        }
    }
}
