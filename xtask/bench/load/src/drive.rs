//! The loop: who is sent next, when, and over which connection.

use std::{
    collections::VecDeque,
    io,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};

use crate::{
    answer::Answer,
    connection::{Connection, Sent},
    figures::Taken,
    plan::Plan,
    schedule::Schedule,
};

struct Drive<'p> {
    plan: &'p mut Plan,
    poll: Poll,
    connections: Vec<Connection>,
    /// Connections without a request, the longest idle first.
    free: VecDeque<usize>,
    /// Clients without a request, the longest idle first.
    idle: VecDeque<usize>,
    /// Who asks again at a moment, in no order.
    again: Vec<(Instant, usize)>,
    schedule: Schedule,
    /// When the last answer came that counts.
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
    let schedule = Schedule::new(plan, Instant::now());
    let counts_from = schedule.counts_from();
    let mut drive = Drive {
        poll,
        free: (0..connections.len()).collect(),
        idle: (0..clients).collect(),
        again: Vec::new(),
        schedule,
        last: counts_from,
        bytes: Vec::with_capacity(4096),
        taken: Taken::default(),
        connections,
        plan,
    };
    drive.go().map_err(failed)?;
    drive.taken.time = drive.last - counts_from;
    Ok(drive.taken)
}

impl Drive<'_> {
    fn go(&mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let now = Instant::now();
            self.schedule.catch_up(now);
            if self.has_enough() || self.schedule.is_over(now, self.under_way()) {
                break;
            }
            if self.schedule.is_open(now) {
                self.send_what_is_due(now)?;
            }
            self.poll.poll(&mut events, Some(self.pause(now)))?;
            for event in &events {
                self.hear(event.token().0, &mut buffer)?;
            }
        }
        let answered = self.taken.latencies.len() as u64;
        self.taken.unanswered = match self.plan.count {
            Some(count) => count.saturating_sub(answered),
            None => self.schedule.unanswered(self.under_way()) as u64,
        };
        Ok(())
    }

    fn under_way(&self) -> usize {
        self.connections.len() - self.free.len()
    }

    fn has_enough(&self) -> bool {
        self.plan
            .count
            .is_some_and(|count| self.taken.latencies.len() as u64 >= count)
    }

    fn send_what_is_due(&mut self, now: Instant) -> io::Result<()> {
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
            let Some(since) = self.schedule.take(now) else {
                break;
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
        self.plan
            .count
            .is_none_or(|count| ((self.taken.latencies.len() + self.under_way()) as u64) < count)
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
    fn pause(&self, now: Instant) -> Duration {
        let again = self.again.iter().map(|(at, _)| *at).min();
        // Nobody asks again once nothing is sent any more.
        let again = again.filter(|_| self.schedule.is_open(now));
        let next = self.schedule.next();
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
        if good && self.schedule.counts(now) {
            self.last = now;
            self.taken.latencies.push(now - sent.since);
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

#[cfg(test)]
mod tests {
    use std::{
        fs,
        io::{ErrorKind, Read, Write},
        net::{SocketAddr, TcpListener},
        thread::{self, JoinHandle},
    };

    use super::*;
    use crate::arrivals::Arrivals;

    const RATE: f64 = 200.0;
    const TIME: Duration = Duration::from_millis(100);
    const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    /// Answers the first request only after a turn is over, and every other one at once; says how many it read.
    fn stalls_for_a_turn() -> (SocketAddr, JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 4096];
            assert!(stream.read(&mut buffer).unwrap() > 0);
            // The only connection waits for its answer, so nothing comes in this time.
            stream.set_read_timeout(Some(TIME * 3 / 2)).unwrap();
            let nothing = stream.read(&mut buffer).unwrap_err().kind();
            assert!([ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&nothing));
            stream.set_read_timeout(None).unwrap();
            stream.write_all(ANSWER).unwrap();
            let mut requests = 1;
            while stream.read(&mut buffer).unwrap_or(0) > 0 {
                requests += 1;
                stream.write_all(ANSWER).unwrap();
            }
            requests
        });
        (at, served)
    }

    #[test]
    fn what_a_stall_held_up_to_the_end_of_the_turn_is_measured() {
        let (at, served) = stalls_for_a_turn();
        let request = std::env::temp_dir().join(format!("load-request-{}", std::process::id()));
        fs::write(&request, "GET /\nhost: 127.0.0.1\n\n").unwrap();
        let text = format!(
            "--to {at} --connections 1 --request {} --expect 200 --rate {RATE} --seconds {}",
            request.display(),
            TIME.as_secs_f64()
        );
        let mut plan = Plan::read(text.split(' ').map(str::to_owned)).unwrap();
        fs::remove_file(&request).unwrap();
        let taken = run(&mut plan).unwrap();

        let began = Instant::now();
        let mut arrivals = Arrivals::at(RATE, began);
        let mut due = 0;
        while arrivals.next < began + TIME {
            due += 1;
            arrivals.step();
        }
        assert!(due > 5);
        assert_eq!(served.join().unwrap(), due);
        assert_eq!((taken.latencies.len(), taken.unanswered), (due, 0));
        assert!(taken.failures.is_empty());
        // Each waited from the moment at which it was due until after the turn.
        assert!(taken.latencies.iter().all(|latency| *latency > TIME / 2));
    }
}
