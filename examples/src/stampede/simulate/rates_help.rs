//! What each rate does, a line for each.

use std::fmt::Write as _;

use ticketing_core::testing::faults::FaultRates;

use super::rates::Rates;

/// Rates that are not of a port's calls, by what they count in.
const OTHERS: [(&str, &[(&str, &str)]); 5] = [
    (
        "Flushes out of 100,000",
        &[
            ("flush.deadlock", "a flush loses a deadlock and is run again"),
            ("flush.answer_lost", "the answer of a COMMIT is lost, written or not"),
        ],
    ),
    (
        "In thousandths",
        &[
            ("gateway.decline", "a call is declined"),
            ("gateway.refuse_retryable", "a call or find is not taken, to be sent again"),
            ("gateway.lost_before", "a call or find never arrives"),
            ("gateway.lost_after", "a call or find is done, its answer is lost"),
            ("gateway.slow", "a call or find is answered slowly"),
            ("gateway.late", "a call ends as unknown and is done later"),
            ("gateway.notice_twice", "a notice comes twice"),
            ("gateway.notice_late", "a notice comes late"),
            ("gateway.notice_lost", "a notice never comes"),
            ("notice.again", "a notice that was taken comes again, hours later"),
            ("notice.forged", "somebody else sends a notice too, with a made-up secret"),
            ("publisher.fail_before", "no event of a batch arrives"),
            ("publisher.fail_halfway", "half of a batch arrives, without an answer"),
            ("publisher.fail_after", "a batch arrives, without an answer"),
            ("publisher.sent_twice", "a batch arrives twice"),
            ("users.inactive", "the user directory says that a buyer may not buy"),
            ("fraud.suspected", "the fraud check suspects a buyer"),
            ("deposits.late", "a deposit comes at the last moment"),
            ("deposits.short", "a deposit of too little comes first"),
            ("deposits.reversed", "the bank takes a deposit back"),
            ("seller.call_off", "a performance is called off"),
        ],
    ),
    (
        "Times per hour, of each process; an eighth as often once the buyers are gone",
        &[
            ("process.death", "it dies between two awaits, and starts again within a minute"),
            ("clock.forward", "its clock jumps forward"),
            ("clock.back", "its clock jumps back"),
        ],
    ),
    (
        "Times per hour; of holds an eighth as often once the buyers are gone",
        &[
            ("holds.lost", "all holds vanish"),
            ("holds.lost_some", "a part of the holds vanishes"),
            ("seller.change", "the seller changes each performance that is on sale"),
        ],
    ),
    (
        "At most so many seconds",
        &[
            ("delay_max", "what a <port>.delay takes, 1 to 3600"),
            ("gateway.slow_max", "what a slow answer takes, 1 to 3600"),
            ("gateway.late_max", "until a late call is done, 1 to 86400"),
            ("gateway.notice_late_max", "until a late notice comes, 1 to 604800"),
            ("clock.jump_max", "how far a clock is off after a jump, 0 to 50"),
        ],
    ),
];

/// What a rate of a port's calls is about.
fn of_calls(name: &str) -> String {
    let (port, what) = name.split_once('.').unwrap_or((name, ""));
    let port = match port {
        "store" => "commit to the store",
        "reads" => "read of the store",
        "layouts" => "read of a performance",
        "holds" => "call of the hold store",
        "line" => "call of the waiting line",
        "gateway" => "call of the gateway",
        "users" => "question to the user directory",
        "fraud" => "question to the fraud check",
        "limits" => "call of the rate limit",
        "outbox" => "call of the outbox",
        "publisher" => "call of the publisher",
        _ => "call",
    };
    let what = match what {
        "before" => "fails and has no effect",
        "after" => "takes effect, its answer is lost",
        "delay" => "is made late, or answered late",
        "twice" => "is made twice",
        "stale" => "gives an older value, as a cache may",
        _ => "goes wrong",
    };
    format!("a {port} {what}")
}

/// For `-h`: the names alone.
pub(super) fn short() -> String {
    let names = Rates::names_wrapped();
    format!("Rates that --fault sets, on top of the level; --help says what each does.\n\n{names}")
}

/// For `--help`: each name with what it does.
pub(super) fn long() -> String {
    let mut text = "\
Rates that --fault sets, on top of the level. What is not possible beside the other rates of the level is
refused, with what to lower.

Calls out of 100,000:
"
    .to_owned();
    for name in FaultRates::names() {
        let _ = writeln!(text, "  {name:<24}  {}", of_calls(name));
    }
    for (unit, rates) in OTHERS {
        let _ = writeln!(text, "\n{unit}:");
        for (name, what) in rates {
            let _ = writeln!(text, "  {name:<24}  {what}");
        }
    }
    text.push_str(
        "\nThe smallest horizon that fails is found by bisection: it fails and a second less does not, but one that is
smaller still may fail as well, as a run to another horizon is another run.",
    );
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_has_a_line_of_its_own() {
        let help = long();
        let told: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter_map(|line| line.split_whitespace().next())
            .collect();
        let names = Rates::names();
        assert_eq!(told.len(), names.len(), "{help}");
        assert_eq!(BTreeSet::from_iter(told), BTreeSet::from_iter(names));
        for line in FaultRates::names().map(of_calls) {
            let is_known = !line.starts_with("a call ") || line.starts_with("a call of ");
            assert!(is_known && !line.ends_with("goes wrong"), "{line}");
        }
    }
}
