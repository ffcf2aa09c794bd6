//! The config file: what is read, and every refusal with its whole message.

use proptest::prelude::*;
use requeue_policy::{Interval, MaxRate, Phase, RateLimit, RequeueConfig, RequeuePolicy};
use std::time::Duration;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What a refusal says, without the place that the format adds.
fn refusal(yaml: &str) -> String {
    let error = serde_saphyr::from_str::<RequeueConfig>(yaml)
        .expect_err("this is to be refused")
        .to_string();
    let message = error
        .lines()
        .find(|line| line.contains("is not allowed"))
        .unwrap_or(&error);
    let message = message.trim_start_matches("error: ");
    message
        .split_once(": ")
        .filter(|(place, _)| place.starts_with("line "))
        .map_or(message, |(_, rest)| rest)
        .to_owned()
}

#[test]
fn the_file_of_the_readme() {
    let yaml = "
        default: 30s                       # the short form of { initial: 30s }
        error: { initial: 10s, factor: 2, max: 5m, jitter: 0.2, deadline: 6h }
        initialization: { initial: 5s, factor: 1.5, max: 1m }
        rate_limit: { burst: 20, every: 2s }   # null turns it off
        max_rate: { per_second: 50, burst: 100 }
    ";
    let error = Interval::constant(seconds(10))
        .with_factor(2.0)
        .with_max(seconds(300))
        .with_jitter(0.2)
        .with_deadline(seconds(21_600));
    let expected = RequeueConfig::default()
        .with_default(seconds(30))
        .with_error(error)
        .with_initialization(Interval::constant(seconds(5)).with_factor(1.5).with_max(seconds(60)))
        .with_rate_limit(RateLimit::new(20, seconds(2)))
        .with_max_rate(MaxRate::new(50.0).with_burst(100));
    assert_eq!(serde_saphyr::from_str::<RequeueConfig>(yaml).expect("YAML"), expected);

    let toml = "
        default = '30s'
        error = { initial = '10s', factor = 2, max = '5m', jitter = 0.2, deadline = '6h' }
        initialization = { initial = '5s', factor = 1.5, max = '1m' }
        rate_limit = { burst = 20, every = '2s' }
        max_rate = { per_second = 50, burst = 100 }
    ";
    assert_eq!(toml::from_str::<RequeueConfig>(toml).expect("TOML"), expected);

    let json = r#"{
        "default": "30s",
        "error": { "initial": "10s", "factor": 2, "max": "5m", "jitter": 0.2, "deadline": "6h" },
        "initialization": { "initial": "5s", "factor": 1.5, "max": "1m" },
        "rate_limit": { "burst": 20, "every": "2s" },
        "max_rate": { "per_second": 50, "burst": 100 }
    }"#;
    assert_eq!(serde_json::from_str::<RequeueConfig>(json).expect("JSON"), expected);

    // The environment, as crates that read it hand it to serde, has only text.
    let environment = serde_json::json!({
        "default": "30s",
        "error": { "initial": "10s", "factor": "2", "max": "5m", "jitter": "0.2", "deadline": "6h" },
        "initialization": { "initial": "5s", "factor": "1.5", "max": "1m" },
        "rate_limit": { "burst": "20", "every": "2s" },
        "max_rate": { "per_second": "50", "burst": "100" },
    });
    assert_eq!(
        serde_json::from_value::<RequeueConfig>(environment).expect("environment"),
        expected
    );
}

#[test]
fn what_is_left_out_has_its_default() {
    let defaults = RequeueConfig::default();
    assert_eq!(
        serde_saphyr::from_str::<RequeueConfig>("{}").expect("an empty map"),
        defaults
    );
    assert_eq!(serde_json::from_str::<RequeueConfig>("null").expect("null"), defaults);
    assert_eq!(toml::from_str::<RequeueConfig>("").expect("an empty file"), defaults);
    let intervals = [Phase::Ready, Phase::Failed, Phase::Initializing].map(|phase| defaults.interval(phase));
    assert_eq!(
        intervals,
        [30, 10, 5].map(|interval| Interval::constant(seconds(interval)))
    );
    assert_eq!(defaults.rate_limit(), Some(RateLimit::new(30, seconds(1))));
    assert_eq!(defaults.max_rate(), None);
}

#[test]
fn the_rate_limit_can_be_turned_off_in_every_format() {
    for yaml in [
        "rate_limit: null",
        "rate_limit: ~",
        "rate_limit: off",
        "rate_limit: false",
    ] {
        let config = serde_saphyr::from_str::<RequeueConfig>(yaml).expect(yaml);
        assert_eq!(config.rate_limit(), None, "{yaml}");
    }
    assert_eq!(
        toml::from_str::<RequeueConfig>("rate_limit = 'off'")
            .expect("TOML")
            .rate_limit(),
        None
    );
    assert_eq!(
        serde_json::from_str::<RequeueConfig>(r#"{"rate_limit":null}"#)
            .expect("JSON")
            .rate_limit(),
        None
    );
}

#[test]
fn a_rate_for_the_fleet_is_a_number_a_map_or_off() {
    let read = |yaml| serde_saphyr::from_str::<RequeueConfig>(yaml).expect(yaml).max_rate();
    let table = [
        ("{}", None),
        ("max_rate: null", None),
        ("max_rate: off", None),
        ("max_rate: false", None),
        ("max_rate: 50", Some(MaxRate::new(50.0))),
        ("max_rate: { per_second: 50 }", Some(MaxRate::new(50.0))),
        ("max_rate: '0.5'", Some(MaxRate::new(0.5))),
        ("max_rate: 0.0001", Some(MaxRate::new(1e-4))),
        (
            "max_rate: { per_second: 1e6, burst: 1000000 }",
            Some(MaxRate::new(1e6).with_burst(1_000_000)),
        ),
    ];
    for (yaml, expected) in table {
        assert_eq!(read(yaml), expected, "{yaml}");
    }
    let toml = |text| toml::from_str::<RequeueConfig>(text).expect(text).max_rate();
    assert_eq!(toml("max_rate = 'off'"), None);
    assert_eq!(toml("max_rate = 50"), Some(MaxRate::new(50.0)));
    let json = |text| serde_json::from_str::<RequeueConfig>(text).expect(text).max_rate();
    assert_eq!(json(r#"{ "max_rate": null }"#), None);
    assert_eq!(json(r#"{ "max_rate": 50.5 }"#), Some(MaxRate::new(50.5)));
    let (rate, burst) = json(r#"{ "max_rate": { "per_second": 10, "burst": 100 } }"#)
        .map(|rate| (rate.per_second(), rate.burst()))
        .expect("a rate");
    assert_eq!((rate, burst), (10.0, 100));
}

#[test]
fn an_interval_may_be_never_in_every_format() {
    let never = RequeueConfig::default().with_default(Interval::never());
    // What is set beside it has nothing to change.
    for yaml in [
        "default: never",
        "default: { initial: never }",
        "default: { initial: never, max: 5m, jitter: 0.2 }",
    ] {
        assert_eq!(serde_saphyr::from_str::<RequeueConfig>(yaml).expect(yaml), never);
    }
    let toml = toml::from_str::<RequeueConfig>("default = 'never'").expect("TOML");
    let json = serde_json::from_str::<RequeueConfig>(r#"{ "default": "never" }"#).expect("JSON");
    assert_eq!([toml, json], [never; 2]);
    assert_eq!(
        serde_json::to_value(never).expect("JSON")["default"],
        serde_json::json!({ "initial": "never" })
    );
}

#[test]
fn what_is_left_out_has_the_applications_defaults() {
    let defaults = RequeueConfig::default()
        .with_default(seconds(600))
        .with_error(Interval::never())
        .with_rate_limit(RateLimit::new(5, seconds(60)))
        .with_max_rate(MaxRate::new(50.0));
    let table = [
        ("null", defaults),
        ("{}", defaults),
        (r#"{ "error": "10s" }"#, defaults.with_error(seconds(10))),
        // The crate's default, said explicitly.
        (r#"{ "default": "30s" }"#, defaults.with_default(seconds(30))),
        (r#"{ "rate_limit": null }"#, defaults.with_rate_limit(None)),
        (r#"{ "max_rate": null }"#, defaults.with_max_rate(None)),
        (r#"{ "max_rate": 1 }"#, defaults.with_max_rate(MaxRate::new(1.0))),
        (
            r#""error=10s,max_rate=off""#,
            defaults.with_error(seconds(10)).with_max_rate(None),
        ),
    ];
    for (json, expected) in table {
        let read = defaults.overlay(&mut serde_json::Deserializer::from_str(json));
        assert_eq!(read.expect(json), expected, "{json}");
    }
    let read = defaults.overlay(&mut serde_json::Deserializer::from_str(r#"{ "error": "0s" }"#));
    let message = "error: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit";
    assert!(read.expect_err("a zero").to_string().starts_with(message));
}

#[test]
fn a_policy_is_a_text_for_a_flag_or_the_environment() {
    let table = [
        ("", RequeueConfig::default()),
        (
            "default=never",
            RequeueConfig::default().with_default(Interval::never()),
        ),
        (
            " default = 1m , rate_limit = 20:every=2s ",
            RequeueConfig::default()
                .with_default(seconds(60))
                .with_rate_limit(RateLimit::new(20, seconds(2))),
        ),
        (
            "error=10s..5m,rate_limit=off,max_rate=50:burst=100",
            RequeueConfig::default()
                .with_error(Interval::constant(seconds(10)).with_factor(2.0).with_max(seconds(300)))
                .with_rate_limit(None)
                .with_max_rate(MaxRate::new(50.0).with_burst(100)),
        ),
    ];
    for (text, expected) in table {
        assert_eq!(text.parse(), Ok(expected), "{text}");
        // In a file it is the same, for whoever reads the environment by serde.
        assert_eq!(
            serde_json::from_value::<RequeueConfig>(text.into()).expect(text),
            expected
        );
    }
    let table = [
        (
            "10s:factor=1.5:max=1m",
            Interval::constant(seconds(10)).with_factor(1.5).with_max(seconds(60)),
        ),
        (
            "10s..1m:factor=1",
            Interval::constant(seconds(10)).with_max(seconds(60)),
        ),
        ("1h 30m", Interval::constant(seconds(5400))),
        ("10s:jitter=-0", Interval::constant(seconds(10))),
    ];
    for (text, expected) in table {
        assert_eq!(text.parse(), Ok(expected), "{text}");
    }
    assert_eq!("50".parse(), Ok(MaxRate::new(50.0)));
    assert_eq!("30:every=1s".parse(), Ok(RateLimit::new(30, seconds(1))));
}

#[test]
fn a_text_is_refused_like_a_file() {
    let table = [
        (
            "30s",
            r#"value: "30s" is not allowed, it must be a field and its value, as in default=30s"#,
        ),
        (
            "default=30s,",
            r#"value: "" is not allowed, it must be a field and its value, as in default=30s"#,
        ),
        (
            "default=30s,default=30s",
            "default: a second value is not allowed, it must be given once",
        ),
        (
            "defualt=30s",
            "defualt: an unknown field is not allowed, it must be one of default, error, initialization, rate_limit, max_rate",
        ),
        (
            "error=10s..",
            r#"error.max: "" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m"#,
        ),
        (
            "error=..5m",
            r#"error.initial: "" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never"#,
        ),
        (
            "error=10s..5s",
            "error.max: 5s is not allowed, it must be at least initial, 10s",
        ),
        (
            "error=10s..5m:max=5m",
            "error.max: a second value is not allowed, it must be given once",
        ),
        (
            "error=10s..5m:x2",
            "error.x2: an unknown field is not allowed, it must be one of initial, factor, max, jitter, deadline",
        ),
        (
            "error=10s:jitter=lots",
            r#"error.jitter: "lots" is not allowed, it must be a number"#,
        ),
        (
            "rate_limit=10",
            r#"rate_limit: "10" is not allowed, it must be a map such as { burst: 30, every: 1s }, a text such as 30:every=1s, or off"#,
        ),
        (
            "max_rate=50:burst=0",
            "max_rate.burst: 0 is not allowed, it must be from 1 to 1000000",
        ),
    ];
    for (text, expected) in table {
        let error = text.parse::<RequeueConfig>().expect_err(text);
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let error = "soon".parse::<Interval>().expect_err("no duration").to_string();
    let expected =
        r#"value: "soon" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never"#;
    assert_eq!(error, expected);
}

#[cfg(feature = "kube-runtime")]
#[test]
fn a_policy_that_is_known_to_be_allowed_needs_no_check() {
    use requeue_policy::kube::Requeuer;
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panics").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let log = Log::default();
    let writer = log.clone();
    let lines = tracing_subscriber::fmt()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(lines);
    let allowed = RequeueConfig::default().with_error(seconds(7));
    let requeue = Requeuer::from(allowed);
    assert_eq!(requeue.policy().error_interval(), allowed.error_interval());
    assert!(log.0.lock().expect("no writer panics").is_empty());

    let requeue = Requeuer::from(allowed.with_default(Interval::constant(seconds(1)).with_jitter(0.7)));
    for phase in Phase::ALL {
        assert_eq!(
            requeue.policy().interval(phase),
            RequeueConfig::default().interval(phase)
        );
    }
    let line = "ERROR the policy is refused, the defaults apply refused=default.jitter: 0.7 is not allowed, it must be a \
                number from 0 to 0.5\n";
    let logged = String::from_utf8(log.0.lock().expect("no writer panics").clone()).expect("UTF-8");
    assert_eq!(logged, line);
}

#[test]
fn every_refusal_names_the_field_the_value_and_what_is_allowed() {
    let table = [
        (
            "default: 0s",
            "default: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            "error: { initial: 0s }",
            "error.initial: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            "default: 10 parsecs",
            r#"default: "10 parsecs" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never"#,
        ),
        (
            "default: 30",
            "default: 30 is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never",
        ),
        (
            "default: -30s",
            r#"default: "-30s" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never"#,
        ),
        (
            "default: null",
            "default: null is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never",
        ),
        (
            "default: [30s]",
            "default: a list is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never",
        ),
        (
            "error: { initial: true }",
            "error.initial: true is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never",
        ),
        (
            "error: { initial: 10s, max: soon }",
            r#"error.max: "soon" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m"#,
        ),
        (
            "error: { initial: 10s, factor: 0.5, max: 5m }",
            "error.factor: 0.5 is not allowed, it must be a finite number of at least 1",
        ),
        (
            "error: { initial: 10s, factor: two }",
            r#"error.factor: "two" is not allowed, it must be a number"#,
        ),
        (
            "error: { initial: 10s, factor: 2 }",
            "error.max: none is not allowed, it must be set where factor is above 1, and it is 2",
        ),
        (
            "initialization: { initial: 10s, max: 5s }",
            "initialization.max: 5s is not allowed, it must be at least initial, 10s",
        ),
        (
            "error: { initial: 10s, jitter: 0.6 }",
            "error.jitter: 0.6 is not allowed, it must be a number from 0 to 0.5",
        ),
        (
            "error: { initial: 10s, jitter: -0.1 }",
            "error.jitter: -0.1 is not allowed, it must be a number from 0 to 0.5",
        ),
        (
            "error: { initial: 10s, deadline: 0s }",
            "error.deadline: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            "error: { initial: 10s, deadline: 181days }",
            "error.deadline: 5months 28days 19h 12m is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            "default: 200days",
            "default: 6months 17days 8h 38m 24s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            "error: { initial: never, max: soon }",
            r#"error.max: "soon" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m"#,
        ),
        (
            "error: { initial: 10s, deadline: never }",
            r#"error.deadline: "never" is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m"#,
        ),
        (
            "error: { factor: 2, max: 5m }",
            "error.initial: none is not allowed, it must be a duration with its unit, such as 30s, 5m or 1h 30m, or never",
        ),
        (
            "error: { intial: 10s }",
            "error.intial: an unknown field is not allowed, it must be one of initial, factor, max, jitter, deadline",
        ),
        (
            "defualt: 30s",
            "defualt: an unknown field is not allowed, it must be one of default, error, initialization, rate_limit, max_rate",
        ),
        (
            "rate_limit: { burst: 0, every: 1s }",
            "rate_limit.burst: 0 is not allowed, it must be from 1 to 65535",
        ),
        (
            "rate_limit: { burst: 65536, every: 1s }",
            "rate_limit.burst: 65536 is not allowed, it must be from 1 to 65535",
        ),
        (
            "rate_limit: { burst: 2.5, every: 1s }",
            "rate_limit.burst: 2.5 is not allowed, it must be from 1 to 65535",
        ),
        (
            "rate_limit: { burst: 30, every: 0s }",
            "rate_limit.every: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            "rate_limit: { burst: 30 }",
            "rate_limit.every: none is not allowed, it must be set, as in { burst: 30, every: 1s }",
        ),
        (
            "rate_limit: { every: 1s }",
            "rate_limit.burst: none is not allowed, it must be set, as in { burst: 30, every: 1s }",
        ),
        (
            "rate_limit: { max: 10, within: 10s }",
            "rate_limit.max: an unknown field is not allowed, it must be one of burst, every",
        ),
        (
            "rate_limit: 10",
            "rate_limit: 10 is not allowed, it must be a map such as { burst: 30, every: 1s }, a text such as 30:every=1s, or off",
        ),
        (
            "max_rate: 0",
            "max_rate: 0 is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            "max_rate: -50",
            "max_rate: -50 is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            "max_rate: 1e7",
            "max_rate: 10000000 is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            "max_rate: nan",
            "max_rate: NaN is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            "max_rate: 50/s",
            r#"max_rate: "50/s" is not allowed, it must be a number"#,
        ),
        ("max_rate: true", "max_rate: true is not allowed, it must be a number"),
        ("max_rate: [50]", "max_rate: a list is not allowed, it must be a number"),
        (
            "max_rate: { per_second: 0 }",
            "max_rate.per_second: 0 is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            "max_rate: { per_second: NaN }",
            "max_rate.per_second: NaN is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            "max_rate: { per_second: many }",
            r#"max_rate.per_second: "many" is not allowed, it must be a number"#,
        ),
        (
            "max_rate: { burst: 100 }",
            "max_rate.per_second: none is not allowed, it must be set, as in { per_second: 10, burst: 100 }",
        ),
        (
            "max_rate: { per_second: 50, burst: 0 }",
            "max_rate.burst: 0 is not allowed, it must be from 1 to 1000000",
        ),
        (
            "max_rate: { per_second: 50, burst: -1 }",
            "max_rate.burst: -1 is not allowed, it must be from 1 to 1000000",
        ),
        (
            "max_rate: { per_second: 50, burst: 1.5 }",
            "max_rate.burst: 1.5 is not allowed, it must be from 1 to 1000000",
        ),
        (
            "max_rate: { per_second: 50, burst: 1000001 }",
            "max_rate.burst: 1000001 is not allowed, it must be from 1 to 1000000",
        ),
        (
            "max_rate: { per_second: 50, per: 1s }",
            "max_rate.per: an unknown field is not allowed, it must be one of per_second, burst",
        ),
    ];
    for (yaml, expected) in table {
        assert_eq!(refusal(yaml), expected, "for {yaml}");
    }
}

#[test]
fn nan_and_infinity_are_refused_in_formats_that_have_them() {
    let table = [
        (
            "factor = nan",
            "error.factor: NaN is not allowed, it must be a finite number of at least 1",
        ),
        (
            "factor = inf",
            "error.factor: inf is not allowed, it must be a finite number of at least 1",
        ),
        (
            "jitter = nan",
            "error.jitter: NaN is not allowed, it must be a number from 0 to 0.5",
        ),
        (
            "jitter = -inf",
            "error.jitter: -inf is not allowed, it must be a number from 0 to 0.5",
        ),
    ];
    for (field, expected) in table {
        let toml = format!("error = {{ initial = '10s', max = '5m', {field} }}");
        let error = toml::from_str::<RequeueConfig>(&toml).expect_err(field);
        assert_eq!(error.message(), expected);
    }
}

#[test]
fn a_field_given_twice_is_refused() {
    let json = r#"{ "error": { "initial": "10s", "initial": "20s" } }"#;
    let error = serde_json::from_str::<RequeueConfig>(json)
        .expect_err("a second initial")
        .to_string();
    assert!(
        error.starts_with("error.initial: a second value is not allowed, it must be given once at line 1"),
        "{error}"
    );
    let json = r#"{ "error": "10s", "error": "20s" }"#;
    let error = serde_json::from_str::<RequeueConfig>(json)
        .expect_err("a second error")
        .to_string();
    assert!(
        error.starts_with("error: a second value is not allowed, it must be given once at line 1"),
        "{error}"
    );
}

#[test]
fn a_refusal_says_where_in_the_file_it_is() {
    let error = serde_json::from_str::<RequeueConfig>("{\n  \"error\": { \"initial\": \"10s\", \"jitter\": 2 }\n}");
    let error = error.expect_err("jitter 2").to_string();
    assert!(error.contains("at line 3"), "{error}");
    let error = toml::from_str::<RequeueConfig>("\n\n[error]\ninitial = '0s'\n")
        .expect_err("a zero")
        .to_string();
    assert!(error.contains("line 3") || error.contains("line 4"), "{error}");
}

#[test]
fn an_interval_alone_names_its_fields_too() {
    let error = serde_json::from_str::<Interval>(r#"{ "initial": "10s", "factor": 2 }"#)
        .expect_err("no max")
        .to_string();
    assert!(
        error.starts_with("max: none is not allowed, it must be set where factor is above 1"),
        "{error}"
    );
    let error = serde_json::from_str::<Interval>("30").expect_err("no unit").to_string();
    assert!(
        error.starts_with("value: 30 is not allowed, it must be a duration with its unit"),
        "{error}"
    );
}

#[test]
fn validate_is_the_same_door_for_code() {
    let refused = [
        (
            Interval::constant(Duration::ZERO),
            "initial: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
        (
            Interval::constant(seconds(1)).with_factor(f64::NAN),
            "factor: NaN is not allowed, it must be a finite number of at least 1",
        ),
        (
            Interval::constant(seconds(1)).with_factor(3.0),
            "max: none is not allowed, it must be set where factor is above 1, and it is 3",
        ),
        (
            Interval::constant(seconds(2)).with_max(seconds(1)),
            "max: 1s is not allowed, it must be at least initial, 2s",
        ),
        (
            Interval::constant(seconds(2)).with_jitter(0.51),
            "jitter: 0.51 is not allowed, it must be a number from 0 to 0.5",
        ),
        (
            Interval::constant(seconds(2)).with_deadline(Duration::ZERO),
            "deadline: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
    ];
    for (interval, expected) in refused {
        assert_eq!(interval.validate().expect_err(expected).to_string(), expected);
    }
    let refused = [
        (
            RateLimit::new(0, seconds(1)),
            "rate_limit.burst: 0 is not allowed, it must be from 1 to 65535",
        ),
        (
            RateLimit::new(65_536, seconds(1)),
            "rate_limit.burst: 65536 is not allowed, it must be from 1 to 65535",
        ),
        (
            RateLimit::new(1, Duration::ZERO),
            "rate_limit.every: 0s is not allowed, it must be from 1ms to 180days, kube-runtime's limit",
        ),
    ];
    for (limit, expected) in refused {
        let config = RequeueConfig::default().with_rate_limit(limit);
        assert_eq!(config.validate().expect_err(expected).to_string(), expected);
    }
    let refused = [
        (
            MaxRate::new(f64::NAN),
            "max_rate.per_second: NaN is not allowed, it must be from 0.0001 to 1000000",
        ),
        (
            MaxRate::new(50.0).with_burst(0),
            "max_rate.burst: 0 is not allowed, it must be from 1 to 1000000",
        ),
    ];
    for (rate, expected) in refused {
        let config = RequeueConfig::default().with_max_rate(rate);
        assert_eq!(config.validate().expect_err(expected).to_string(), expected);
    }
    let config = RequeueConfig::default().with_initialization(Interval::constant(seconds(2)).with_jitter(-1.0));
    let error = config.validate().expect_err("a negative jitter");
    assert_eq!(
        error.to_string(),
        "initialization.jitter: -1 is not allowed, it must be a number from 0 to 0.5"
    );
    assert_eq!(error.field(), "initialization.jitter");
}

fn config() -> impl Strategy<Value = RequeueConfig> {
    let interval = || {
        let nanos = 1_000_000_u64..15_552_000_000_000_000;
        let deadline = prop::option::of(nanos.clone());
        let factor = prop_oneof![Just(1.0), 1.0..10.0_f64];
        let jitter = prop_oneof![Just(0.0), 0.0..=0.5_f64];
        (nanos.clone(), prop::option::of(nanos), factor, jitter, deadline).prop_map(
            |(initial, max, factor, jitter, deadline)| {
                let interval = Interval::constant(Duration::from_nanos(initial)).with_jitter(jitter);
                let interval = match max.filter(|max| *max >= initial) {
                    Some(max) => interval.with_max(Duration::from_nanos(max)).with_factor(factor),
                    None => interval,
                };
                deadline.map_or(interval, |deadline| {
                    interval.with_deadline(Duration::from_nanos(deadline))
                })
            },
        )
    };
    let interval = || prop_oneof![9 => interval(), 1 => Just(Interval::never())];
    let limit = prop::option::of(
        (1_u32..65_536, 1_u64..1_000_000)
            .prop_map(|(burst, every)| RateLimit::new(burst, Duration::from_millis(every))),
    );
    let rate = prop::option::of(
        (1e-4_f64..=1e6, 1_u32..=1_000_000).prop_map(|(rate, burst)| MaxRate::new(rate).with_burst(burst)),
    );
    (interval(), interval(), interval(), limit, rate).prop_map(
        |(default, error, initialization, rate_limit, max_rate)| {
            RequeueConfig::default()
                .with_default(default)
                .with_error(error)
                .with_initialization(initialization)
                .with_rate_limit(rate_limit)
                .with_max_rate(max_rate)
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(config in config()) {
        let json = serde_json::to_string(&config).expect("JSON is written");
        prop_assert_eq!(serde_json::from_str::<RequeueConfig>(&json).expect("JSON is read"), config);
        let yaml = serde_saphyr::to_string(&config).expect("YAML is written");
        prop_assert_eq!(serde_saphyr::from_str::<RequeueConfig>(&yaml).expect("YAML is read"), config);
        match toml::to_string(&config) {
            Ok(toml) => prop_assert_eq!(toml::from_str::<RequeueConfig>(&toml).expect("TOML is read"), config),
            // It has no null, and says so; leaving the field out would bring the default limit back.
            Err(_) => prop_assert_eq!(config.rate_limit(), None),
        }
        let text = config.to_string();
        prop_assert_eq!(text.parse(), Ok(config), "{}", text);
        // What a shell expands or splits.
        prop_assert!(!text.contains(|c: char| c.is_whitespace() || "\"'`$*?[]{}()<>|&;#~!\\".contains(c)), "{}", text);
    }

    #[test]
    fn no_text_whatsoever_panics_or_passes_unchecked(text in "\\PC*", number in any::<f64>()) {
        for json in [
            serde_json::json!({ "default": text }),
            serde_json::json!({ "error": { "initial": "10s", "factor": number, "max": text } }),
            serde_json::json!({ "error": { "initial": "10s", "jitter": text } }),
            serde_json::json!({ "rate_limit": { "burst": number, "every": text } }),
            serde_json::json!({ "max_rate": number }),
            serde_json::json!({ "max_rate": text }),
            serde_json::json!({ "max_rate": { "per_second": text, "burst": number } }),
            serde_json::json!({ text.as_str(): "30s" }),
            serde_json::json!({ "default": format!("10s{text}:jitter={number}") }),
            serde_json::json!(text),
        ] {
            if let Ok(config) = serde_json::from_value::<RequeueConfig>(json) {
                prop_assert!(config.validate().is_ok());
            }
        }
        if let Ok(config) = serde_saphyr::from_str::<RequeueConfig>(&text) {
            prop_assert!(config.validate().is_ok());
        }
    }
}
