//! What it shows and draws, and what it answers to a bad file.

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const SAMPLE: &str = "docs/policy.yaml";

/// What one call left behind.
#[derive(Debug, PartialEq)]
struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Answer {
    /// A refusal: nothing but its message.
    fn refused(stderr: &str) -> Self {
        Self {
            code: Some(1),
            stdout: String::new(),
            stderr: stderr.into(),
        }
    }

    /// What it shows, of a policy that it takes.
    #[track_caller]
    fn shown(self) -> String {
        assert_eq!((self.code, self.stderr.as_str()), (Some(0), ""));
        self.stdout
    }
}

fn preview_of(folder: &Path, arguments: &[&str], stdin: &str) -> Answer {
    let mut child = Command::new(env!("CARGO_BIN_EXE_preview"))
        .args(arguments)
        .current_dir(folder)
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts");
    let mut input = child.stdin.take().expect("it was asked for");
    // Whoever reads a file does not read this.
    let _ = input.write_all(stdin.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("the example ends");
    Answer {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("stderr is UTF-8"),
    }
}

fn preview(arguments: &[&str]) -> Answer {
    preview_of(Path::new(ROOT), arguments, "")
}

/// Shows a policy that a file of this name has.
fn preview_file(name: &str, text: &str) -> Answer {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(name), text).expect("a file in it");
    preview_of(folder.path(), &[name], "")
}

#[track_caller]
fn assert_line(text: &str, line: &str) {
    assert!(
        text.lines().any(|each| each.trim() == line),
        "no line {line:?} in\n{text}"
    );
}

#[test]
fn the_sample_policy_is_shown_as_committed() {
    let expected = include_str!("sample.txt");
    assert_eq!(preview(&[SAMPLE]).shown(), expected);
}

#[test]
fn a_max_without_a_factor_is_not_passed_over() {
    let text = preview_file("policy.yaml", "error: { initial: 10s, max: 5m }\n").shown();
    assert_line(&text, "max 5m has no effect: factor is 1");
    let text = preview_file("policy.yaml", "error: { initial: 10s, factor: 2, max: 5m }\n").shown();
    assert!(!text.contains("no effect"), "{text}");
}

#[test]
fn no_line_is_wider_than_a_terminal_of_100_columns() {
    let text = preview(&[SAMPLE, "--objects", "1000000"]).shown();
    let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap_or_default();
    assert!(widest.chars().count() <= 100, "{widest}");
}

#[test]
fn the_pictures_in_docs_are_what_the_sample_policy_draws() {
    let folder = tempfile::tempdir().expect("a folder");
    let drawn = folder.path().join("new");
    let text = preview(&[SAMPLE, "--svg", drawn.to_str().expect("a path in UTF-8")]).shown();
    for name in ["delays.svg", "herd.svg"] {
        assert_line(&text, &format!("drawn: {}", drawn.join(name).display()));
        let new = fs::read_to_string(drawn.join(name)).expect(name);
        let committed = fs::read_to_string(Path::new(ROOT).join("docs").join(name)).expect(name);
        assert!(
            new == committed,
            "docs/{name} is out of date: cargo run -p preview -- {SAMPLE} --svg docs"
        );
        // They stand inside pages, where a blank line would end them, and others have names and styles of their own.
        assert!(committed.len() < 60_000, "{name} is large: {}", committed.len());
        assert!(
            committed.lines().all(|line| !line.trim().is_empty()),
            "a blank line in {name}"
        );
        assert!(
            !committed.contains(" id=") && !committed.contains("<style"),
            "{name} touches its page"
        );
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_said() {
    let answer = preview(&[SAMPLE, "--svg", "Cargo.toml/svg"]);
    assert_eq!(
        answer,
        Answer::refused("cannot draw into Cargo.toml/svg: Not a directory (os error 20)\n")
    );
}

#[test]
fn without_a_file_it_shows_the_defaults_and_says_so() {
    let text = preview(&[]).shown();
    assert_line(&text, "Policy: the defaults, as no file was given; 1,000 objects");
    for line in [
        "Initializing  every 5s",
        "Failed        every 10s",
        "Ready         every 30s",
    ] {
        assert_line(&text, line);
    }
    assert_line(
        &text,
        "as it is, no jitter     1 |█                                       |     500 =  60.0 x mean",
    );
    assert!(text.contains("jitter 0.2 for example"), "{text}");
}

#[test]
fn stdin_is_yaml() {
    let sample = fs::read_to_string(Path::new(ROOT).join(SAMPLE)).expect(SAMPLE);
    let shown = preview_of(Path::new(ROOT), &["-"], &sample).shown();
    assert_eq!(shown, include_str!("sample.txt").replacen(SAMPLE, "stdin", 1));
    // What `yq .requeue` prints where there is no such key.
    let shown = preview_of(Path::new(ROOT), &["-"], "null\n").shown();
    assert_line(&shown, "Policy: stdin, which equals the defaults; 1,000 objects");
}

#[test]
fn toml_and_json_are_known_by_their_extension() {
    let toml = preview_file("policy.toml", "default = '7s'\n[error]\ninitial = '3s'\n").shown();
    let json = preview_file("policy.json", r#"{ "default": "7s", "error": { "initial": "3s" } }"#).shown();
    assert_line(&toml, "Failed        every 3s");
    assert_eq!(toml.replacen("policy.toml", "policy.json", 1), json);
}

#[test]
fn a_bad_file_is_answered_with_the_operators_own_error() {
    let table = [
        (
            "policy.yaml",
            "default: 30s\nerror: { initial: 10s, factor: 2 }\n",
            "policy.yaml: error: line 2 column 8: error.max: none is not allowed, it must be set where factor is above 1, and it is 2
 --> <input>:2:8
  |
1 | default: 30s
2 | error: { initial: 10s, factor: 2 }
  |        ^ error.max: none is not allowed, it must be set where factor is above 1, and it is 2
",
        ),
        (
            "policy.yaml",
            "default: [30s\n",
            "policy.yaml: error: line 1 column 10: unclosed bracket '['
 --> <input>:1:10
  |
1 | default: [30s
  |          ^ unclosed bracket '['
",
        ),
        (
            "policy.yaml",
            "requeue:\n  default: 30s\n",
            "policy.yaml: error: line 2 column 3: requeue: an unknown field is not allowed, it must be one of default, error, initialization, rate_limit, max_rate
 --> <input>:2:3
  |
1 | requeue:
2 |   default: 30s
  |   ^ requeue: an unknown field is not allowed, it must be one of default, error, initialization, rate_limit, max_rate
",
        ),
        (
            "policy.toml",
            "default = '30s'\nerror = { initial = '10s', factor = 0.5, max = '5m' }\n",
            "policy.toml: TOML parse error at line 2, column 9
  |
2 | error = { initial = '10s', factor = 0.5, max = '5m' }
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
error.factor: 0.5 is not allowed, it must be a finite number of at least 1
",
        ),
        (
            "policy.json",
            "{\n  \"initialization\": { \"initial\": \"5s\", \"jitter\": 0.7 }\n}\n",
            "policy.json: initialization.jitter: 0.7 is not allowed, it must be a number from 0 to 0.5 at line 3 column 1\n",
        ),
    ];
    for (name, text, expected) in table {
        assert_eq!(preview_file(name, text), Answer::refused(expected), "{text}");
    }
}

#[test]
fn a_bad_policy_on_stdin_is_refused_like_one_in_a_file() {
    let expected = r"stdin: error: line 1 column 10: default: 10 is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never
 --> <input>:1:10
  |
1 | default: 10
  |          ^ default: 10 is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never
";
    assert_eq!(
        preview_of(Path::new(ROOT), &["-"], "default: 10\n"),
        Answer::refused(expected)
    );
}

#[test]
fn a_policy_may_be_an_option_or_a_variable_of_the_environment() {
    let policy = "default=never,error=3s..1m:jitter=0.2";
    let shown = preview(&["--policy", policy]).shown();
    for line in [
        "Policy: --policy; 1,000 objects",
        "Failed        3s 6s 12s 24s 48s, then every 1m",
        "Ready         never: only a change triggers a reconcile",
        "Ready         never               never               never               never",
        "After a restart: settled objects have no timer, so each is reconciled once and no herd returns",
    ] {
        assert_line(&shown, line);
    }
    let by_environment = Command::new(env!("CARGO_BIN_EXE_preview"))
        .env("REQUEUE_POLICY", policy)
        .output();
    let by_environment = by_environment.expect("the example ends").stdout;
    assert_eq!(String::from_utf8(by_environment).expect("stdout is UTF-8"), shown);

    let answer = preview(&["--policy", "error=3s..1s"]);
    let expected = "error: invalid value 'error=3s..1s' for '--policy <TEXT>': error.max: 1s is not allowed, it must be at least \
                    initial, 3s\n\nFor more information, try '--help'.\n";
    assert_eq!((answer.code, answer.stderr.as_str()), (Some(2), expected));
}

#[test]
fn an_interval_of_the_policy_is_replaced_by_an_option() {
    let shown = preview(&[
        SAMPLE,
        "--error",
        "3s..1m",
        "--default",
        "never",
        "--initialization",
        "7s",
    ])
    .shown();
    for line in [
        "Initializing  every 7s",
        "Failed        3s 6s 12s 24s 48s, then every 1m",
        "Ready         never: only a change triggers a reconcile",
    ] {
        assert_line(&shown, line);
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let expected = "cannot read missing.yaml: No such file or directory (os error 2)\n";
    assert_eq!(preview(&["missing.yaml"]), Answer::refused(expected));
}

#[test]
fn extreme_policies_are_shown_soon_and_in_a_page() {
    let table = [
        (
            "default: { initial: 10s, factor: 1.0000001, max: 180days }",
            "Ready         10s ... then every 180d, from > 1,000,000 years on",
        ),
        (
            "default: { initial: 10s, factor: 1.01, max: 180days }",
            "Ready         10s 10.1s 10.201s 10.303s 10.406s 10.51s ... then every 180d, from 49 years on",
        ),
        (
            "error: { initial: 1ms, factor: 65537, max: 180days, jitter: 0.2, deadline: 180days }",
            "Failed        1ms 1m5.537s 49d17h4m58.369s, then every 180d",
        ),
        (
            "error: { initial: 10s, factor: 1e300, max: 20s }",
            "Failed        10s, then every 20s",
        ),
        (
            "error: { initial: 10s, factor: 2, max: 5m, deadline: 1ms }",
            "gives up after 1ms: 1 retry",
        ),
        (
            "error: { initial: 1ms, jitter: 0.5, deadline: 180days }",
            "gives up after 180d: more than 100,000 retries",
        ),
        (
            "error: { initial: 10s, factor: 1.1, max: 1h, deadline: 30m }",
            "Failed        10s 11s 12.1s 13.31s 14.641s 16.105s ... up to 3m10s",
        ),
        (
            "initialization: { initial: 180days, deadline: 180days }",
            "Initializing  every 180d",
        ),
        (
            "default: { initial: 1h, deadline: 1ms }",
            "After a restart: settled objects have given up, so each is reconciled once and no herd returns",
        ),
        (
            "{ default: 1ms, error: 1ms, initialization: 1ms }",
            "Ready, each hour                                               3,600,000,000       1,000,000",
        ),
        (
            // Too many runs to look at each: no mean.
            "{ default: 1ms, error: 1ms, initialization: 1ms }",
            "Ready         1ms                 1ms                 1ms                 1ms",
        ),
        (
            "error: { initial: 1ms, factor: 65537, max: 180days }",
            "Failed        45d13h (26d23h)     180d (90d1h)        180d (90d)          180d (89d23h)",
        ),
        (
            "{ default: never, error: never, initialization: never }",
            "Failed, each hour                                                          0               0",
        ),
        (
            "rate_limit: off",
            "one object in a hot loop: as fast as it can, rate_limit is off",
        ),
    ];
    for (policy, line) in table {
        let folder = tempfile::tempdir().expect("a folder");
        let started = Instant::now();
        let drawn = folder.path().to_str().expect("a path in UTF-8");
        let text = preview_of(folder.path(), &["-", "--svg", drawn], policy).shown();
        // A fraction of a second each; a policy that is walked through step by step takes minutes.
        assert!(started.elapsed() < Duration::from_secs(20), "{policy} takes long");
        assert_line(&text, line);
        assert!(text.lines().count() < 50, "{text}");
        let wide = text.lines().filter(|line| !line.starts_with("drawn: "));
        assert_eq!(
            wide.filter(|line| line.chars().count() > 100).collect::<Vec<_>>(),
            [""; 0],
            "{policy}"
        );
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        for svg in fs::read_dir(folder.path()).expect("the folder") {
            let svg = fs::read_to_string(svg.expect("a file in it").path()).expect("an SVG");
            assert!(
                svg.len() < 60_000 && svg.ends_with("</svg>\n"),
                "{policy}: {}",
                svg.len()
            );
        }
    }
}

#[test]
fn figures_are_for_the_number_of_objects_that_was_asked_for() {
    let text = preview(&["--objects", "12"]).shown();
    assert_line(
        &text,
        "Ready, each hour                                                       1,440           0.400",
    );
}
