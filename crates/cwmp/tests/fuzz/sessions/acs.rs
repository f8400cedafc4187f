//! Our ACS and a CPE that does what it likes.

use arbitrary::Arbitrary;
use drover_cwmp::limits::SESSION_MESSAGES_MAX;
use drover_cwmp::session::acs::{
    Broken, Busy, BusyStep, ExpectInform, First, Informed, Open, OpenStep, Post, Reply, Rest, Turn,
};
use drover_cwmp::{CwmpVersion, Fault, FaultCode, Message};

use super::messages::{AcsRequest, CpeRequest, Odd, inform, response_to, written};
use super::rules::{AcsRules, Outcome};

/// POSTs after which a script that repeats itself is left alone.
const POSTS_MAX: u32 = 40;

/// What happens to an ACS.
#[derive(Debug, Arbitrary)]
pub(crate) struct AcsScript {
    /// POSTs with what the ACS decides on each; they are played again and again.
    moves: Vec<Move>,
}

#[derive(Debug, Arbitrary)]
struct Move {
    /// Below [`FOUL`] the CPE misbehaves.
    chance: u8,
    fair: Option<CpeRequest>,
    foul: Foul,
    decision: Decision,
}

/// Of 256 moves, how many break the rules.
const FOUL: u8 = 24;

/// What a CPE may post that it should not.
#[derive(Debug, Arbitrary)]
enum Foul {
    Garbage(Vec<u8>),
    Padding(u8),
    Odd {
        message: Odd,
        id: Option<String>,
    },
    Cut {
        message: Odd,
        at: u16,
    },
    Fault {
        code: u16,
        id: Option<String>,
    },
    /// What would be the answer, if it had the right ID.
    WrongId(String),
    Nothing,
}

/// What the ACS decides where it has a choice.
#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) struct Decision {
    /// Below 16 it refuses what it may refuse.
    refuse: u8,
    /// With which code, above 8000.
    code: u8,
    hold: bool,
    send: Option<AcsRequest>,
}

impl Decision {
    pub(crate) fn new(hold: bool, send: Option<AcsRequest>) -> Self {
        Self { refuse: u8::MAX, code: 0, hold, send }
    }

    /// The same decision, with the 8005 that makes a CPE repeat its request.
    pub(crate) fn retry(self) -> Self {
        Self { refuse: 0, code: 5, ..self }
    }

    fn fault(self) -> Option<Fault> {
        let code = 8000 + u32::from(self.code % 8);
        (self.refuse < 16).then(|| Fault::new(FaultCode(code)))
    }
}

/// The ACS between two POSTs.
#[derive(Debug)]
enum State {
    Expect(ExpectInform),
    Open(Open),
    Busy(Box<Busy>),
    Over(Outcome),
}

/// An ACS with its decisions, driven as a server drives it.
#[derive(Debug)]
pub(crate) struct Acs {
    state: State,
    next_id: u32,
    /// Answers to its requests.
    pub(crate) answered: Vec<(Message, Message)>,
}

impl Acs {
    pub(crate) fn new(newest: CwmpVersion) -> Self {
        Self { state: State::Expect(ExpectInform::new(newest)), next_id: 1, answered: Vec::new() }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.state {
            State::Over(outcome) => outcome,
            _ => Outcome::Open,
        }
    }

    /// Takes a POST. Says also whether `decision.send` went out.
    pub(crate) fn post(&mut self, body: &[u8], decision: Decision) -> (Reply, bool) {
        let state = std::mem::replace(&mut self.state, State::Over(Outcome::Failed));
        let sent_before = self.next_id;
        let played = match Post::read(body) {
            Ok(post) => self.play(state, post, decision),
            Err(malformed) => Err(Broken::from(malformed)),
        };
        match played {
            Ok((state, reply)) => {
                self.state = state;
                (reply, self.next_id != sent_before)
            }
            Err(broken) => {
                assert!(!broken.error.to_string().is_empty());
                (broken.reply, false)
            }
        }
    }

    fn play(
        &mut self,
        state: State,
        post: Post,
        decision: Decision,
    ) -> Result<(State, Reply), Broken> {
        match state {
            State::Expect(expect) => match expect.handle(post)? {
                First::Nothing(expect, reply) => Ok((State::Expect(expect), reply)),
                First::Inform(informed) => Self::informed(informed, decision),
            },
            State::Open(open) => match open.handle(post)? {
                OpenStep::Inform(informed) => Self::informed(informed, decision),
                OpenStep::Turn(turn) => Ok(self.turn(turn, decision)),
                OpenStep::Request(request) => {
                    if let Some(fault) = request.refusal().or_else(|| decision.fault()) {
                        let (open, reply) = request.fault(fault);
                        return Ok((State::Open(open), reply));
                    }
                    let answer = response_to(request.message());
                    // An answer to something else is our own mistake and costs nothing.
                    let (_, request) = request
                        .answer(response_to(&inform().into()))
                        .expect_err("no request of a session is answered by InformResponse");
                    let (open, reply) = request.answer(answer).expect("it answers");
                    Ok((State::Open(open), reply))
                }
            },
            State::Busy(busy) => match busy.handle(post)? {
                BusyStep::Inform(informed) => Self::informed(informed, decision),
                BusyStep::Answered(answered) => {
                    self.answered.push((answered.request, answered.answer));
                    Ok(self.turn(answered.turn, decision))
                }
            },
            State::Over(outcome) => panic!("a POST to a session that is over: {outcome:?}"),
        }
    }

    fn informed(informed: Informed, decision: Decision) -> Result<(State, Reply), Broken> {
        if let Some(fault) = decision.fault() {
            let (expect, reply) = informed.refuse(fault);
            return Ok((State::Expect(expect), reply));
        }
        informed.accept(decision.hold).map(|(open, reply)| (State::Open(open), reply))
    }

    fn turn(&mut self, mut turn: Turn, decision: Decision) -> (State, Reply) {
        turn.hold_requests(decision.hold);
        let Some(request) = decision.send else { return Self::nothing(turn) };
        // A message that an ACS does not send is our own mistake and costs nothing.
        let (_, turn) = turn.send(inform(), "x").expect_err("an ACS does not send Inform");
        match turn.send(request.message(), format!("a-{}", self.next_id)) {
            Ok((busy, reply)) => {
                self.next_id += 1;
                (State::Busy(Box::new(busy)), reply)
            }
            // The session's version does not have it.
            Err((_, turn)) => Self::nothing(turn),
        }
    }

    fn nothing(turn: Turn) -> (State, Reply) {
        match turn.nothing() {
            (Rest::Open(open), reply) => (State::Open(open), reply),
            (Rest::Ended, reply) => (State::Over(Outcome::Ended), reply),
        }
    }
}

pub(crate) fn run(script: &AcsScript) {
    play(&script.moves, POSTS_MAX);
}

/// A CPE that asks one thing for ever is stopped at the limit.
pub(crate) fn tireless() {
    let decision = Decision::new(false, None);
    let ask =
        Move { chance: u8::MAX, fair: Some(CpeRequest::Methods), foul: Foul::Nothing, decision };
    let (rules, outcome) = play(&[ask], u32::MAX);
    assert_eq!((outcome, rules.posts), (Outcome::Failed, SESSION_MESSAGES_MAX + 1));
}

fn play(moves: &[Move], posts_max: u32) -> (AcsRules, Outcome) {
    let mut acs = Acs::new(CwmpVersion::V1_4);
    let mut rules = AcsRules::default();
    for (id, next) in (0..posts_max).zip(moves.iter().cycle()) {
        let body = body(next, &rules, id);
        let (reply, _) = acs.post(&body, next.decision);
        if rules.posts >= SESSION_MESSAGES_MAX {
            // Whatever comes, it is one too many.
            rules.posts += 1;
            assert_eq!(acs.outcome(), Outcome::Failed);
            break;
        }
        rules.exchange(&body, &reply, acs.outcome());
        if acs.outcome() != Outcome::Open {
            break;
        }
    }
    let outcome = acs.outcome();
    (rules, outcome)
}

/// What the CPE posts: what is right at this moment, or what the move says.
fn body(next: &Move, rules: &AcsRules, id: u32) -> Vec<u8> {
    if next.chance < FOUL {
        return foul(&next.foul, rules);
    }
    if !rules.is_established() {
        return written(Some(id.to_string()), None, inform());
    }
    match (rules.own(), next.fair) {
        (Some((own_id, request)), fair) => {
            // One answer in two comes without ID.
            let own_id = own_id.clone().filter(|_| fair.is_some());
            written(own_id, None, response_to(request))
        }
        (None, Some(request)) => written(Some(id.to_string()), None, request.message()),
        (None, None) => Vec::new(),
    }
}

fn foul(foul: &Foul, rules: &AcsRules) -> Vec<u8> {
    match foul {
        Foul::Garbage(bytes) => bytes.clone(),
        Foul::Padding(count) => vec![b' '; usize::from(*count)],
        Foul::Odd { message, id } => written(id.clone(), Some(true), message.message()),
        Foul::Cut { message, at } => {
            let mut bytes = written(None, None, message.message());
            bytes.truncate(usize::from(*at) % bytes.len());
            bytes
        }
        Foul::Fault { code, id } => {
            written(id.clone(), None, Fault::new(FaultCode(u32::from(*code))))
        }
        Foul::WrongId(id) => match rules.own() {
            Some((_, request)) => written(Some(id.clone()), None, response_to(request)),
            None => Vec::new(),
        },
        Foul::Nothing => Vec::new(),
    }
}
