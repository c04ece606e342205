//! What was wanted, what was seen, and whether it holds.

/// The result of every bar.
#[derive(Default)]
pub struct Sheet {
    broken: Vec<String>,
}

impl Sheet {
    pub fn new() -> Self {
        println!("{:>3}  {:<44}  {:>9}  {:>8}", "bar", "what", "limit", "seen");
        Self::default()
    }

    /// `seen` must not be above `limit`, both in percent.
    pub fn at_most(&mut self, bar: u32, what: &str, limit: f64, seen: f64) {
        self.line(bar, what, &format!("<= {limit}%"), &format!("{seen:.1}%"), seen <= limit);
    }

    /// `seen` must not be below `limit`, both in percent.
    pub fn at_least(&mut self, bar: u32, what: &str, limit: f64, seen: f64) {
        self.line(bar, what, &format!(">= {limit}%"), &format!("{seen:.1}%"), seen >= limit);
    }

    /// What no bar asks for, in percent.
    pub fn told(&mut self, what: &str, seen: f64) {
        println!("{:>3}  {what:<44}  {:>9}  {:>8}", "", "", format!("{seen:.1}%"));
    }

    /// It must take less than `limit` seconds.
    pub fn within(&mut self, bar: u32, what: &str, limit: f64, seen: f64) {
        self.line(bar, what, &format!("< {limit} s"), &format!("{seen:.3} s"), seen < limit);
    }

    fn line(&mut self, bar: u32, what: &str, limit: &str, seen: &str, kept: bool) {
        let kept = if kept { "kept" } else { "BROKEN" };
        let line = format!("{bar:>3}  {what:<44}  {limit:>9}  {seen:>8}  {kept}");
        println!("{line}");
        if kept == "BROKEN" {
            self.broken.push(line);
        }
    }

    /// Fails when a bar is broken.
    pub fn close(self) {
        assert!(self.broken.is_empty(), "broken:\n{}", self.broken.join("\n"));
    }
}
