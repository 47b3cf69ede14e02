//! The loop: who is sent next, when, and over which connection.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};

use crate::{
    answer::Answer,
    arrivals::Arrivals,
    connection::{Connection, Sent},
    figures::Taken,
    plan::Plan,
};

/// The rest of what is under way is waited for so long at the end; then it counts as unanswered.
const PATIENCE: Duration = Duration::from_secs(10);

struct Drive<'p> {
    plan: &'p mut Plan,
    poll: Poll,
    connections: Vec<Connection>,
    /// Connections without a request, the longest idle first.
    free: VecDeque<usize>,
    /// Clients without a request, the longest idle first.
    idle: VecDeque<usize>,
    /// When the requests were due that nobody could send yet.
    due: VecDeque<Instant>,
    /// Who asks again at a moment, in no order.
    again: Vec<(Instant, usize)>,
    arrivals: Option<Arrivals>,
    counts_from: Instant,
    ends: Instant,
    first: Option<Instant>,
    last: Instant,
    bytes: Vec<u8>,
    taken: Taken,
}

/// Does what the plan says.
pub fn run(plan: &mut Plan) -> Result<Taken, String> {
    let failed = |error: io::Error| error.to_string();
    let poll = Poll::new().map_err(failed)?;
    let mut connections = Vec::with_capacity(plan.connections);
    for number in 0..plan.connections {
        connections
            .push(Connection::open(plan.to, poll.registry(), Token(number)).map_err(failed)?);
    }
    let clients = plan.clients.as_ref().map_or(plan.connections, Vec::len);
    let now = Instant::now();
    let counts_from = now + plan.warm;
    let mut drive = Drive {
        poll,
        free: (0..connections.len()).collect(),
        idle: (0..clients).collect(),
        due: VecDeque::new(),
        again: Vec::new(),
        arrivals: plan.rate.map(|rate| Arrivals::at(rate, now)),
        counts_from,
        ends: counts_from + plan.time,
        first: None,
        last: now,
        bytes: Vec::with_capacity(4096),
        taken: Taken::default(),
        connections,
        plan,
    };
    drive.go().map_err(failed)?;
    drive.taken.time = drive.last - drive.first.unwrap_or(drive.last);
    Ok(drive.taken)
}

impl Drive<'_> {
    fn go(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let now = Instant::now();
            let over = now >= self.ends || self.has_enough();
            if over && (self.free.len() == self.connections.len() || now > self.ends + PATIENCE) {
                break;
            }
            if !over {
                self.send_what_is_due(now)?;
            }
            self.poll.poll(&mut events, Some(self.pause(now, over)))?;
            for event in &events {
                self.hear(event.token().0, &mut buffer)?;
            }
        }
        let under_way = self.connections.len() - self.free.len();
        self.taken.unanswered = (self.due.len() + under_way) as u64;
        Ok(())
    }

    fn has_enough(&self) -> bool {
        self.plan
            .count
            .is_some_and(|count| self.taken.latencies.len() as u64 >= count)
    }

    fn send_what_is_due(&mut self, now: Instant) -> io::Result<()> {
        if let Some(arrivals) = &mut self.arrivals {
            while arrivals.next <= now && arrivals.next < self.ends {
                self.due.push_back(arrivals.next);
                arrivals.step();
            }
        }
        let mut place = 0;
        while let Some((at, number)) = self.again.get(place).copied() {
            if at > now {
                place += 1;
                continue;
            }
            self.again.swap_remove(place);
            if let Some(sent) = self.connections[number].sent {
                self.send(number, sent)?;
            }
        }
        while !self.free.is_empty() && !self.idle.is_empty() && self.is_wanted() {
            let since = match self.arrivals {
                None => now,
                Some(_) => match self.due.pop_front() {
                    Some(since) => since,
                    None => break,
                },
            };
            let (Some(number), Some(client)) = (self.free.pop_front(), self.idle.pop_front())
            else {
                break;
            };
            self.send(number, Sent { client, since })?;
        }
        Ok(())
    }

    /// With a count, no more are sent than that.
    fn is_wanted(&self) -> bool {
        let under_way = self.connections.len() - self.free.len();
        self.plan
            .count
            .is_none_or(|count| ((self.taken.latencies.len() + under_way) as u64) < count)
    }

    fn send(&mut self, number: usize, sent: Sent) -> io::Result<()> {
        let client = self
            .plan
            .clients
            .as_ref()
            .map_or("", |clients| clients[sent.client].as_str());
        self.plan.request.fill(client, &mut self.bytes);
        if self.connections[number].send(&self.bytes, sent).is_ok() {
            return Ok(());
        }
        // The server closed an idle connection at this moment: nothing was asked yet.
        self.reopen(number)?;
        self.connections[number].send(&self.bytes, sent)
    }

    fn reopen(&mut self, number: usize) -> io::Result<()> {
        self.connections[number] =
            Connection::open(self.plan.to, self.poll.registry(), Token(number))?;
        Ok(())
    }

    /// How long there is nothing to do. Epoll's milliseconds are too coarse for a schedule, so short waits are spun away.
    fn pause(&self, now: Instant, over: bool) -> Duration {
        let next = self
            .arrivals
            .as_ref()
            .map(|arrivals| arrivals.next)
            .filter(|_| !over);
        let again = self.again.iter().map(|(at, _)| *at).min();
        let wait = [next, again, Some(now + Duration::from_millis(50))]
            .into_iter()
            .flatten()
            .min()
            .map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        if wait < Duration::from_millis(2) {
            Duration::ZERO
        } else {
            wait - Duration::from_millis(1)
        }
    }

    fn hear(&mut self, number: usize, buffer: &mut [u8]) -> io::Result<()> {
        let connection = &mut self.connections[number];
        let open = connection.take_in(buffer).unwrap_or(false);
        let now = Instant::now();
        let Some(sent) = connection.sent else {
            return if open { Ok(()) } else { self.reopen(number) };
        };
        let Some(answer) = Answer::read(&connection.read) else {
            return if open {
                Ok(())
            } else {
                self.broken(number, sent)
            };
        };
        if Some(answer.status) == self.plan.again {
            let seconds: u64 = answer
                .header("retry-after")
                .and_then(|text| text.parse().ok())
                .unwrap_or(1);
            self.taken.put_off += 1;
            // Spread over a second, as people are.
            let spread = Duration::from_millis(number as u64 * 7 % 1000);
            self.again
                .push((now + Duration::from_secs(seconds) + spread, number));
            return if open {
                Ok(())
            } else {
                self.reopen_with(number, sent)
            };
        }
        let good = answer.status == self.plan.expect;
        let next = self.plan.next.as_ref().map(|name| answer.member(name));
        let failure = (!good).then(|| (answer.status, answer.shown()));
        if let Some((status, shown)) = failure {
            *self.taken.failures.entry(status).or_default() += 1;
            self.taken
                .first_failure
                .get_or_insert(format!("{status} {shown}"));
        }
        connection.sent = None;
        if good && now >= self.counts_from && now <= self.ends + PATIENCE {
            self.first.get_or_insert(self.counts_from);
            if now <= self.ends || self.arrivals.is_some() {
                self.last = now;
                self.taken.latencies.push(now - sent.since);
            }
        }
        if let (Some(clients), Some(next)) = (&mut self.plan.clients, next) {
            match next {
                Some(next) => clients[sent.client] = next,
                // It has no token any more; it is not asked again.
                None => return self.free_connection(number, open),
            }
        }
        self.idle.push_back(sent.client);
        self.free_connection(number, open)
    }

    fn free_connection(&mut self, number: usize, open: bool) -> io::Result<()> {
        self.free.push_back(number);
        if open { Ok(()) } else { self.reopen(number) }
    }

    fn reopen_with(&mut self, number: usize, sent: Sent) -> io::Result<()> {
        self.reopen(number)?;
        self.connections[number].sent = Some(sent);
        Ok(())
    }

    /// The server closed in the middle.
    fn broken(&mut self, number: usize, sent: Sent) -> io::Result<()> {
        *self.taken.failures.entry(0).or_default() += 1;
        self.taken
            .first_failure
            .get_or_insert("the connection broke".to_owned());
        self.idle.push_back(sent.client);
        self.free.push_back(number);
        self.reopen(number)
    }
}
