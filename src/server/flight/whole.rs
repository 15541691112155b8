//! Distinguishes the end of a client's stream from a lost connection.
//!
//! tonic treats a client that cancels a call like one that has sent everything, so that half of a load would be stored as the whole. Here
//! the client's stream ends in an error unless the client itself has ended it.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::NamedService;
use tonic::{Code, Status};

/// A service whose calls notice when their client has not sent everything.
#[derive(Debug, Clone)]
pub struct Whole<S>(pub S);

impl<S: Service<http::Request<Body>>> Service<http::Request<Body>> for Whole<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        self.0.call(request.map(|body| Body::new(Ended(body))))
    }
}

impl<S: NamedService> NamedService for Whole<S> {
    const NAME: &'static str = S::NAME;
}

/// A request body in which a cancellation is an error like any other.
struct Ended(Body);

impl http_body::Body for Ended {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.0).poll_frame(context).map_err(|status| match status.code() {
            Code::Cancelled => Status::aborted("the client disconnected before it had sent everything"),
            _ => status,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
