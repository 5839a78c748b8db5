//! A chart as an SVG file of its own, which brings its colours.

/// Marks the file of every learning-rate chart, so that no other file is mistaken for one and overwritten.
pub const LR_MARK: &str = "<metadata>mindgap find-lr</metadata>";

/// The pages' style; its first part defines the colours for light and dark.
const STYLE: &str = include_str!("../page.css");

/// Makes a file of `svg`, a chart for a page: adds a name space, `mark`, and colours that follow the reader's theme.
pub fn standalone(svg: &str, mark: &str) -> String {
    let colours = STYLE.split("\n* ").next().unwrap_or_default();
    let own = "svg { background: var(--paper); } text { font-family: system-ui, sans-serif; }";
    let start = svg.find('>').map_or(0, |end| end + 1);
    let head = svg[..start].replace("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ");
    format!("{head}\n{mark}\n<style>\n{colours}\n{own}\n</style>{}\n", &svg[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_of_its_own_brings_all_colours_for_both_themes() {
        let file = standalone("<svg role=\"img\" viewBox=\"0 0 9 9\">\n<g/></svg>", LR_MARK);
        assert!(file.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\""), "{file}");
        assert!(file.contains(LR_MARK) && file.trim_end().ends_with("<g/></svg>"), "{file}");
        let (light, dark) = file.split_once("prefers-color-scheme: dark").unwrap();
        for name in ["--paper:", "--ink:", "--grid:", "--probe:", "--val:"] {
            assert!(light.contains(name) && dark.contains(name), "{name}");
        }
        assert!(!file.contains("box-sizing") && file.matches('{').count() == file.matches('}').count(), "{file}");
    }
}
