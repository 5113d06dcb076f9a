//! Rust files as flat lists of tokens, without comments and without what only tests see.

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// One file of the workspace.
pub(crate) struct Source {
    /// Its path below the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
    code: Vec<Token>,
}

struct Token {
    text: String,
    line: usize,
}

/// A path that starts at the crate, such as `crate::port::Clock`, without `crate`.
pub(crate) struct CratePath {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// A trait as it is declared.
pub(crate) struct Trait {
    pub(crate) name: String,
    /// What stands between its name and its body.
    pub(crate) bounds: String,
    /// Whether one of its methods has a body.
    pub(crate) has_body: bool,
}

impl Source {
    fn parse(path: String, text: String) -> Self {
        let mut code = Vec::new();
        flatten(tokens(&path, &text), &mut code);
        Self { path, text, code }
    }

    /// The lines on which a sequence of tokens stands, such as `Utc::now`.
    pub(crate) fn lines_with(&self, needle: &str) -> Vec<usize> {
        let mut wanted = Vec::new();
        flatten(tokens("the needle", needle), &mut wanted);
        self.code
            .windows(wanted.len())
            .filter(|window| window.iter().zip(&wanted).all(|(got, want)| got.text == want.text))
            .map(|window| window[0].line)
            .collect()
    }

    /// Every path that starts with `crate` or `super`, each branch of a `use` tree for itself.
    pub(crate) fn crate_paths(&self) -> Vec<CratePath> {
        let mut found = Vec::new();
        for at in 0..self.code.len() {
            let starts = matches!(self.code[at].text.as_str(), "crate" | "super");
            if starts && self.is(at + 1, ":") && self.is(at + 2, ":") {
                self.branch(at + 3, &mut Vec::new(), &mut found);
            }
        }
        found
    }

    /// Every trait.
    pub(crate) fn traits(&self) -> Vec<Trait> {
        let begins = (0..self.code.len()).filter(|&at| self.is(at, "trait"));
        begins.map(|at| self.trait_at(at)).collect()
    }

    fn trait_at(&self, at: usize) -> Trait {
        let name = self.code[at + 1].text.clone();
        let texts = || self.code[at + 2..].iter().map(|token| token.text.as_str());
        let bounds: Vec<&str> = texts().take_while(|text| *text != "{").collect();
        let mut depth = 0;
        let mut has_body = false;
        for text in texts().skip(bounds.len()) {
            match text {
                "{" => {
                    has_body |= depth == 1;
                    depth += 1;
                }
                "}" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        Trait { name, bounds: bounds.join(" "), has_body }
    }

    /// Reads one branch of a `use` tree; answers where it ends.
    fn branch(&self, at: usize, prefix: &mut Vec<String>, found: &mut Vec<CratePath>) -> usize {
        let Some(token) = self.code.get(at) else { return at };
        if token.text == "{" {
            let mut next = at + 1;
            while next < self.code.len() && !self.is(next, "}") {
                next = self.branch(next, &mut prefix.clone(), found).max(next + 1);
                while self.is(next, ",") {
                    next += 1;
                }
            }
            return next + 1;
        }
        if token.text != "super" {
            prefix.push(token.text.clone());
        }
        if self.is(at + 1, ":") && self.is(at + 2, ":") {
            return self.branch(at + 3, prefix, found);
        }
        found.push(CratePath { segments: prefix.clone(), line: token.line });
        at + 1
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.code.get(at).is_some_and(|token| token.text == text)
    }
}

fn tokens(path: &str, text: &str) -> TokenStream {
    text.parse().unwrap_or_else(|error| panic!("{path} is not Rust: {error}"))
}

fn flatten(stream: TokenStream, code: &mut Vec<Token>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        if is_test_attribute(&trees[at..]) {
            at = after_item(&trees, at + 2);
            continue;
        }
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                code.push(Token { text: open.to_owned(), line });
                flatten(group.stream(), code);
                code.push(Token { text: close.to_owned(), line: group.span_close().start().line });
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {
                code.push(Token { text: tree.to_string(), line });
            }
        }
        at += 1;
    }
}

/// Whether `#[cfg(test)]` or `#[test]` stands here.
fn is_test_attribute(trees: &[TokenTree]) -> bool {
    let [TokenTree::Punct(hash), TokenTree::Group(attribute), ..] = trees else { return false };
    let text: String = attribute.to_string().split_whitespace().collect();
    hash.as_char() == '#' && matches!(text.as_str(), "[cfg(test)]" | "[test]")
}

/// The place after the item that begins here: after its body or its semicolon.
fn after_item(trees: &[TokenTree], from: usize) -> usize {
    let ends = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Ident(_) | TokenTree::Literal(_) => false,
    };
    trees[from..].iter().position(ends).map_or(trees.len(), |length| from + length + 1)
}

/// The workspace.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the workspace").to_path_buf()
}

/// Every Rust file of the core but its unit tests, which lie beside the code or in a `tests` module.
pub(crate) fn core_sources() -> Vec<Source> {
    let sources = rust_sources("ticketing-core/src");
    assert!(sources.len() >= 50, "the core was not found: {} files", sources.len());
    let is_test = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    sources.into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// Every Rust file below a folder of the workspace.
pub(crate) fn rust_sources(folder: &str) -> Vec<Source> {
    text_files(folder)
        .into_iter()
        .filter(|(path, _)| Path::new(path).extension().is_some_and(|ending| ending == "rs"))
        .map(|(path, text)| Source::parse(path, text))
        .collect()
}

/// Every text file below a folder of the workspace, with its path below the workspace, in order.
/// Leaves out what git and cargo keep there.
pub(crate) fn text_files(folder: &str) -> Vec<(String, String)> {
    let root = root();
    let mut folders = vec![root.join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).expect("the workspace can be read");
        for path in entries.map(|entry| entry.expect("the workspace can be read").path()) {
            if path.file_name().is_some_and(|name| name == ".git") {
                continue;
            }
            if path.is_dir() {
                // Cargo puts no tag into a folder that was there before it.
                if path != root.join("target") && !path.join("CACHEDIR.TAG").exists() {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                let below = path.strip_prefix(&root).expect("it lies in the workspace");
                files.push((below.display().to_string(), text));
            }
        }
    }
    files.sort();
    files
}

#[test]
fn comments_strings_and_tests_are_no_code() {
    let source = Source::parse(
        "sample.rs".to_owned(),
        "//! f64\nconst A: &str = \"f64\";\n#[cfg(test)]\nmod tests { fn f() -> f64 { 0.0 } }\n\
         #[cfg(test)]\nmod more;\nfn g() -> f64 { 1.0 }"
            .to_owned(),
    );
    assert_eq!(source.lines_with("f64"), [7]);
}

#[test]
fn a_use_tree_is_read_branch_by_branch() {
    let source = Source::parse(
        "sample.rs".to_owned(),
        "use crate::{id::{A, B as C}, port::Clock};\npub(crate) fn f() { super::super::memory::g() }"
            .to_owned(),
    );
    let paths: Vec<_> =
        source.crate_paths().iter().map(|path| (path.segments.join("::"), path.line)).collect();
    let expected = [("id::A", 1), ("id::B", 1), ("port::Clock", 1), ("memory::g", 2)];
    for (path, line) in expected {
        assert!(paths.contains(&(path.to_owned(), line)), "{path} is missing in {paths:?}");
    }
}

#[test]
fn a_trait_is_read_with_its_bounds_and_bodies() {
    let text = "trait A: Send + Sync { fn f(&self); }\ntrait B { fn g(&self) -> u8 { 1 } }";
    let traits = Source::parse("sample.rs".to_owned(), text.to_owned()).traits();
    let read: Vec<_> =
        traits.iter().map(|it| (it.name.as_str(), it.bounds.as_str(), it.has_body)).collect();
    assert_eq!(read, [("A", ": Send + Sync", false), ("B", "", true)]);
}
