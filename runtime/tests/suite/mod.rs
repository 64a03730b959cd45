//! What must hold on every runtime, over real sockets. Written once; each adapter includes this directory and
//! runs it by
//!
//! ```ignore
//! #[path = "../../runtime/tests/suite/mod.rs"]
//! mod suite;
//!
//! fn on_mine<F: Future<Output = ()>>(test: impl FnOnce(MyRuntime) -> F) { … }
//!
//! suite::tests!(on_mine);
//! ```
//!
//! What needs TLS is in `tls/`, which is included beside it. Tests bind port 0 and wait for events, never for time to pass; [`bounded`] fails what waits for ever.

// `pub` here means: for the other files of the suite
#![allow(unreachable_pub)]

pub mod client;
pub mod events;
pub mod faulty;
pub mod hostile;
pub mod lifecycle;
pub mod nodes;
pub mod raw;
pub mod setup;
pub mod shutdown;

use std::future::Future;
use std::time::Duration;

use ilp_runtime::Runtime;

/// Runs a test; fails it when it takes too long.
pub async fn bounded<R: Runtime, F: Future<Output = ()>>(runtime: R, test: impl FnOnce(R) -> F) {
    let limit = async {
        runtime.sleep(Duration::from_secs(20)).await;
        panic!("the test takes too long");
    };
    futures_lite::future::or(test(runtime.clone()), limit).await;
}

/// One `#[test]` for each test of the suite, run by `$run`, which takes a function from a runtime to a future.
macro_rules! tests {
    ($run:path) => {
        $crate::suite::tests! { @each $run;
            nodes: two_nodes_connect_and_forward,
            nodes: fifty_packets_in_flight_are_not_mixed_up,
            nodes: a_packet_crosses_three_nodes_and_back,
            nodes: a_slow_reader_does_not_block_another_peer,
            nodes: a_peer_that_reads_nothing_is_still_read,
            nodes: an_ipv6_listener_serves_ipv4_and_ipv6,
            lifecycle: a_dead_endpoint_is_reported_and_tried_again,
            lifecycle: a_node_that_comes_back_is_dialed_again,
            lifecycle: a_dial_that_is_never_answered_is_given_up,
            lifecycle: a_server_that_speaks_plain_http_is_a_failed_dial,
            lifecycle: a_newer_link_takes_over,
            lifecycle: a_half_open_peer_is_found_out,
            lifecycle: pings_keep_a_silent_link_alive,
            lifecycle: an_abrupt_end_is_noticed,
            hostile: garbage_before_auth_closes_the_link,
            hostile: garbage_after_auth_closes_the_link_at_the_third,
            hostile: an_oversized_message_is_refused_by_its_header,
            hostile: a_fragmented_oversized_message_is_refused,
            hostile: text_that_is_not_utf8_closes_the_link,
            hostile: a_client_that_does_not_mask_is_refused,
            hostile: a_slow_upgrade_is_cut_by_the_handshake_timeout,
            hostile: a_silent_websocket_is_cut_by_the_handshake_timeout,
            hostile: an_http_request_is_told_what_is_spoken_here,
            hostile: connections_above_the_cap_are_dropped,
            hostile: a_ping_before_auth_is_answered,
            client: a_rejection_says_who_and_why,
            client: a_wrong_token_is_refused,
            client: the_path_names_the_account,
            client: a_server_that_never_answers_times_out,
            client: a_wrong_fulfillment_is_not_a_payment,
            client: a_server_that_goes_away_fails_what_is_in_flight,
            client: a_server_without_an_auth_answer_is_given_up,
            client: a_closed_port_is_an_error,
            client: a_panicking_handler_rejects_one_packet,
            client: the_address_can_be_learned,
            client: a_dropped_client_closes_its_link,
            client: closing_twice_is_closing_once,
            client: more_than_the_limit_in_flight_is_refused,
            client: an_expired_packet_is_not_sent,
            client: a_handler_may_use_its_client,
            faulty: a_panic_in_a_links_task_ends_that_link_only,
            faulty: failing_accepts_are_waited_out,
            faulty: shutdown_does_not_wait_for_a_failing_accept,
            faulty: a_panicking_observer_harms_nobody,
            shutdown: shutdown_releases_the_port_and_ends_all_tasks,
            shutdown: shutdown_waits_for_packets_in_flight,
            shutdown: shutdown_with_a_deaf_peer_ends,
            shutdown: a_port_in_use_is_a_start_error,
            shutdown: events_come_in_order,
        }
    };
    (@each $run:path; $($module:ident: $name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $run(|runtime| $crate::suite::bounded(runtime, $crate::suite::$module::$name));
            }
        )*
    };
}
pub(crate) use tests;
