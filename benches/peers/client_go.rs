//! The Go program that measures client-go: it is built once, and asked again and again.

use anyhow::Context as _;
use cluster::{go_build, target_folder};
use serde::{Deserialize, Serialize};
use std::{
    cell::RefCell,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// A request, as the program documents it.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Request {
    pub(crate) what: &'static str,
    pub(crate) limiter: &'static str,
    pub(crate) keys: &'static str,
    pub(crate) count: usize,
    pub(crate) threads: usize,
    pub(crate) calls: usize,
}

#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Answer {
    pub(crate) value: f64,
    pub(crate) forgotten: f64,
}

pub(crate) struct ClientGo {
    program: RefCell<Child>,
    questions: RefCell<ChildStdin>,
    answers: RefCell<BufReader<ChildStdout>>,
}

impl ClientGo {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let path = target_folder().join("tmp/bench-client-go");
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("client_go");
        go_build(&module, ".", "", &path)
            .context("this benchmark needs Go, to build a program that measures client-go")?;
        let mut program = Command::new(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {path:?}"))?;
        Ok(Self {
            questions: RefCell::new(program.stdin.take().context("its input is a pipe")?),
            answers: RefCell::new(BufReader::new(program.stdout.take().context("its output is a pipe")?)),
            program: RefCell::new(program),
        })
    }

    pub(crate) fn ask(&self, request: Request) -> anyhow::Result<Answer> {
        let mut questions = self.questions.borrow_mut();
        serde_json::to_writer(&mut *questions, &request).context("asking client-go")?;
        questions.write_all(b"\n").context("asking client-go")?;
        let mut answer = String::new();
        self.answers
            .borrow_mut()
            .read_line(&mut answer)
            .context("client-go's answer")?;
        serde_json::from_str(&answer).with_context(|| format!("client-go answers {answer:?}"))
    }
}

impl Drop for ClientGo {
    fn drop(&mut self) {
        // It may be in the middle of something if this program fails; nothing is lost with it.
        let program = self.program.get_mut();
        let _ = program.kill();
        let _ = program.wait();
    }
}
