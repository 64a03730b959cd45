//! What every tool begins with: a link to a BTP server, and our address there.

use std::fmt;
use std::future::Future;
use std::sync::mpsc::channel;

use ilp_proto::{Address, ErrorCode, Prepare};
use ilp_runtime::Runtime;
use ilp_runtime::client::{AddressError, Client, ClientError, ClientOptions, Reply};

use super::args::Target;
use super::exit::ToolError;
use super::load::MAX_IN_FLIGHT;
use super::text::printable;

impl fmt::Display for Target {
    /// `ws://host:3000 as alice`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.endpoint)?;
        match &self.credentials.username {
            Some(user) => write!(f, " as {}", printable(user.as_bytes())),
            None => Ok(()),
        }
    }
}

impl Target {
    /// Connects and authenticates; `handler` answers what comes in.
    ///
    /// # Errors
    /// As the client has them; see [`attach_failed`](Self::attach_failed) for words.
    pub(crate) async fn attach<R: Runtime>(
        &self,
        runtime: &R,
        handler: impl Fn(&Prepare<'_>) -> Reply + Send + Sync + 'static,
    ) -> Result<Client, ClientError> {
        let mut options = ClientOptions::new(self.endpoint.clone(), self.credentials.clone());
        options.max_in_flight = MAX_IN_FLIGHT;
        options.tls = self.tls.clone();
        Client::connect(runtime, options, handler).await
    }

    /// What to tell people who could not attach.
    pub(crate) fn attach_failed(&self, error: &ClientError) -> ToolError {
        let text = printable(error.to_string().as_bytes());
        let hint = match error {
            ClientError::Refused { .. } => "; check --user and the token",
            ClientError::Untrusted(_) => ": give --ca-file FILE",
            ClientError::Connect(_) | ClientError::ConnectTimeout(_) => {
                "; is it running, and is the URL right?"
            }
            _ => "",
        };
        ToolError::Failed(format!("cannot attach to {self}: {text}{hint}"))
    }
}

/// What tools answer to payments that they do not expect.
pub(crate) fn only_sends(_: &Prepare<'_>) -> Reply {
    Reply::Reject {
        code: ErrorCode::F07_CANNOT_RECEIVE,
        message: "this client only sends".into(),
    }
}

/// Our address: the one that is given, else the one that the server tells.
///
/// # Errors
/// What to tell people when there is neither.
pub(crate) async fn own_address(
    client: &Client,
    given: Option<Address>,
) -> Result<OwnAddress, String> {
    if let Some(address) = given {
        client.set_address(address.clone());
        return Ok(OwnAddress {
            address,
            asset: None,
        });
    }
    match client.learn_address().await {
        Ok(learned) => {
            let code = printable(learned.asset_code.as_bytes());
            Ok(OwnAddress {
                address: learned.address,
                asset: Some((code, learned.asset_scale)),
            })
        }
        Err(error) => {
            let why = match &error {
                AddressError::Rejected { code, message } => {
                    format!(
                        "the server gives this account no address ({code} {})",
                        printable(message.as_bytes())
                    )
                }
                other => format!(
                    "no address from the server: {}",
                    printable(other.to_string().as_bytes())
                ),
            };
            Err(format!(
                "{why}; give --address ADDRESS, or make the account a child of the server"
            ))
        }
    }
}

/// Who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnAddress {
    /// Our address.
    pub(crate) address: Address,
    /// Code and scale of our account's asset, if the server told us.
    pub(crate) asset: Option<(String, u8)>,
}

/// Runs `task` on `runtime` and waits for it on this thread, which must not be one of the runtime's.
///
/// # Panics
/// If the task panics.
pub(crate) fn wait_for<T: Send + 'static>(
    runtime: &impl Runtime,
    task: impl Future<Output = T> + Send + 'static,
) -> T {
    let (tell, told) = channel();
    // the receiver waits, so there is one
    runtime.spawn(async move { drop(tell.send(task.await)) });
    match told.recv() {
        Ok(result) => result,
        // Only a task that panics drops its sender without having sent, and its runtime has said why.
        Err(_) => panic!("the task that we wait for has panicked"),
    }
}
