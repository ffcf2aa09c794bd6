//! The bodies of answers.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::BoxError;
use crate::watch::Reader;

/// The body of an answer: an object, a list or a status, or the lines of a watch as they come.
pub struct ResponseBody(Content);

enum Content {
    Whole(Bytes),
    Watch(Reader),
}

impl ResponseBody {
    pub(crate) fn whole(body: Bytes) -> Self {
        Self(Content::Whole(body))
    }

    pub(crate) fn watch(reader: Reader) -> Self {
        Self(Content::Watch(reader))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match &mut self.0 {
            Content::Whole(body) => {
                let body = std::mem::take(body);
                Poll::Ready((!body.is_empty()).then(|| Ok(Frame::data(body))))
            }
            Content::Watch(reader) => reader
                .poll_line(context)
                .map(|line| line.map(|line| line.map(Frame::data).map_err(BoxError::from))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Content::Whole(body) if body.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(body) => SizeHint::with_exact(body.len() as u64),
            Content::Watch(_) => SizeHint::default(),
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Content::Whole(body) => formatter.debug_tuple("ResponseBody").field(body).finish(),
            Content::Watch(_) => formatter.write_str("ResponseBody(watch)"),
        }
    }
}
