//! Recorded conversations of real CPE software complete their sessions with `drover serve`.

#![allow(clippy::print_stdout, reason = "tests say what they did")]

use std::collections::BTreeMap;

use drover_tests::capture::{self, Conversation};
use drover_tests::replay::{EarlyEnd, Outcome, replay, script};

/// Conversations that cannot be held to their end by anybody, by how they end. All others must.
const ENDS_EARLY: &[(EarlyEnd, &str)] = &[
    (EarlyEnd::BodyIsCut, "the client counts characters where bytes are due (quirk 3)"),
    (EarlyEnd::ChallengeIsNotAnswered, "the client knows no digest"),
];

#[test]
fn captures_replay_completes_the_sessions() {
    let Some(all) = capture::conversations() else { return };
    let outcomes = replay_all(&all, &all, true);
    let early = outcomes
        .iter()
        .flat_map(|(name, outcome)| outcome.ended_early.iter().map(move |early| (early, name)));
    for (early, name) in early {
        let (_, reason) = ENDS_EARLY.iter().find(|(known, _)| known == early).expect("listed");
        println!("{name}: {} because {reason}", early.status());
    }
    let total = |count: fn(&Outcome) -> usize| outcomes.values().map(count).sum::<usize>();
    assert!(total(|outcome| outcome.completed) >= all.len(), "{outcomes:#?}");
    assert!(total(|outcome| outcome.values) >= all.len(), "{outcomes:#?}");
    println!(
        "{} sessions, {} requests answered as recorded and {} otherwise, {} tasks done and {} \
         faulted, {} values",
        total(|outcome| outcome.completed),
        total(|outcome| outcome.answered_as_recorded),
        total(|outcome| outcome.answered_otherwise),
        total(|outcome| outcome.done),
        total(|outcome| outcome.faulted),
        total(|outcome| outcome.values),
    );
}

/// Quirk 13: where the operator allows it, a count that stands still costs no second challenge.
#[test]
fn captures_replay_with_a_nonce_count_that_stands_still() {
    let Some(all) = capture::conversations() else { return };
    let still = |one: &&Conversation| script::login(one).is_some_and(|l| l.count_stands_still);
    let chosen: Vec<Conversation> = all.iter().filter(still).cloned().collect();
    replay_all(&chosen, &all, false);
}

fn replay_all(
    chosen: &[Conversation],
    library: &[Conversation],
    strict_nc: bool,
) -> BTreeMap<String, Outcome> {
    let mut outcomes = BTreeMap::new();
    let mut failures = Vec::new();
    for conversation in chosen {
        match replay(conversation, library, strict_nc) {
            Ok(outcome) => drop(outcomes.insert(conversation.name(), outcome)),
            Err(error) => failures.push(format!("{}: {error}", conversation.name())),
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    outcomes
}
