//! The tests, and what they are made of. Each is a function of what drives the nodes.

// `pub` here means: for the other files of the suite
#![allow(unreachable_pub)]

pub mod abort;
pub mod auth;
pub mod chain;
pub mod client;
pub mod driver;
pub mod events;
pub mod faulty;
pub mod hostile;
pub mod lifecycle;
pub mod nodes;
pub mod raw;
pub mod ready;
pub mod setup;
pub mod shutdown;
pub mod tls;

use std::future::Future;
use std::time::Duration;

use driver::Driver;
use ilp_runtime::Runtime;

/// Runs a test; fails it when it takes too long.
pub async fn bounded<D: Driver, F: Future<Output = ()>>(driver: D, test: impl FnOnce(D) -> F) {
    let limit = async {
        driver.peers().sleep(Duration::from_secs(20)).await;
        panic!("the test takes too long");
    };
    futures_lite::future::or(test(driver.clone()), limit).await;
}

/// What holds of every node, whatever drives it. `$run` takes a function from a driver to a future.
macro_rules! node_tests {
    ($run:path) => {
        $crate::suite::each! { $run;
            nodes: two_nodes_connect_and_forward,
            nodes: fifty_packets_in_flight_are_not_mixed_up,
            chain: three_nodes_carry_traffic,
            ready: a_node_whose_peers_are_up_is_ready_within_a_second,
            nodes: a_slow_reader_does_not_block_another_peer,
            nodes: a_peer_that_reads_nothing_is_still_read,
            nodes: an_ipv6_listener_serves_ipv4_and_ipv6,
            auth: a_wrong_token_is_refused,
            auth: the_path_names_the_account,
            auth: the_address_can_be_learned,
            auth: a_rejection_says_who_and_why,
            lifecycle: a_dead_endpoint_is_reported_and_tried_again,
            lifecycle: a_node_that_comes_back_is_dialed_again,
            lifecycle: a_dial_that_is_never_answered_is_given_up,
            lifecycle: a_server_that_speaks_plain_http_is_a_failed_dial,
            lifecycle: a_newer_link_takes_over,
            lifecycle: a_half_open_peer_is_found_out,
            lifecycle: pings_keep_a_silent_link_alive,
            lifecycle: an_abrupt_end_is_noticed,
            lifecycle: a_killed_peer_fails_what_is_in_flight,
            lifecycle: a_killed_peer_may_answer_when_it_is_back,
            hostile: garbage_before_auth_closes_the_link,
            hostile: garbage_after_auth_closes_the_link_at_the_third,
            hostile: an_oversized_message_is_refused_by_its_header,
            hostile: a_fragmented_oversized_message_is_refused,
            hostile: text_that_is_not_utf8_closes_the_link,
            hostile: a_client_that_does_not_mask_is_refused,
            hostile: a_slow_upgrade_is_cut_by_the_handshake_timeout,
            hostile: a_silent_websocket_is_cut_by_the_handshake_timeout,
            hostile: connections_above_the_cap_are_dropped,
            hostile: a_ping_before_auth_is_answered,
            shutdown: shutdown_releases_the_port_and_ends_all_tasks,
            shutdown: shutdown_waits_for_packets_in_flight,
            shutdown: shutdown_with_a_deaf_peer_ends,
            shutdown: shutdown_with_a_peer_that_reads_nothing_ends,
            shutdown: events_come_in_order,
        }
    };
}
pub(crate) use node_tests;

/// What holds of everything that is built on a [`Runtime`]: its client, and its nodes when sockets or code fail.
macro_rules! runtime_tests {
    ($run:path) => {
        $crate::suite::each! { $run;
            client: a_server_that_never_answers_times_out,
            client: a_wrong_fulfillment_is_not_a_payment,
            client: a_server_that_goes_away_fails_what_is_in_flight,
            client: a_server_without_an_auth_answer_is_given_up,
            client: a_closed_port_is_an_error,
            client: a_panicking_handler_rejects_one_packet,
            client: a_dropped_client_closes_its_link,
            client: closing_twice_is_closing_once,
            client: more_than_the_limit_in_flight_is_refused,
            client: an_expired_packet_is_not_sent,
            client: a_handler_may_use_its_client,
            abort: a_panic_inside_the_connector_aborts_the_process,
            faulty: a_panic_in_a_links_task_ends_that_link_only,
            faulty: failing_accepts_are_waited_out,
            faulty: shutdown_does_not_wait_for_a_failing_accept,
            faulty: a_panicking_observer_harms_nobody,
            hostile: an_http_request_is_told_what_is_spoken_here,
            shutdown: a_port_in_use_is_a_start_error,
            shutdown: a_node_says_that_it_has_ended,
        }
    };
}
pub(crate) use runtime_tests;

/// What holds of TLS on every [`Runtime`].
macro_rules! tls_tests {
    ($run:path) => {
        $crate::suite::each! { $run;
            tls::links: nodes_forward_over_tls,
            tls::links: a_server_is_dialed_by_its_name,
            tls::links: many_large_packets_cross_tls_at_once,
            tls::links: a_polite_end_is_seen_as_one,
            tls::links: an_abrupt_end_without_close_notify_is_noticed,
            tls::links: a_node_with_tls_shuts_down,
            tls::refused: a_self_signed_certificate_is_refused,
            tls::refused: a_self_signed_certificate_can_be_trusted,
            tls::refused: an_authority_as_its_own_server_is_refused,
            tls::refused: the_default_authorities_do_not_know_ours,
            tls::refused: a_certificate_for_another_name_is_refused,
            tls::refused: an_expired_certificate_is_refused,
            tls::refused: a_certificate_of_the_future_is_refused,
            tls::refused: a_dialing_node_says_what_is_wrong,
            tls::refused: a_file_of_no_use_is_a_start_error,
            tls::refused: credentials_in_a_url_never_reach_an_error,
            tls::clients: a_certificate_names_the_account_by_its_common_name,
            tls::clients: a_certificate_names_the_account_by_a_dns_name,
            tls::clients: the_token_is_still_checked,
            tls::clients: a_certificate_for_one_cannot_be_used_by_another,
            tls::clients: a_certificate_for_nobody_is_refused,
            tls::clients: nobody_needs_an_optional_certificate,
            tls::clients: a_missing_certificate_is_refused,
            tls::clients: a_foreign_certificate_is_refused,
            tls::clients: an_expired_client_certificate_is_refused,
            tls::reload: new_links_get_the_new_certificate,
            tls::reload: files_of_no_use_change_nothing,
            tls::reload: a_new_authority_is_trusted,
            tls::mistaken: a_plain_client_is_told_to_use_tls,
            tls::mistaken: a_tls_client_is_told_to_use_none,
            tls::mistaken: a_plain_client_understands_a_tls_alert,
            tls::mistaken: a_slow_tls_handshake_is_cut_off,
            tls::mistaken: a_dial_that_hangs_in_the_tls_handshake_is_given_up,
            tls::mistaken: garbage_in_the_tls_handshake_harms_nobody,
        }
    };
}
pub(crate) use tls_tests;

/// One `#[test]` for each function.
macro_rules! each {
    ($run:path; $($($module:ident)::+: $name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $run(|driver| $crate::suite::bounded(driver, $crate::suite::$($module)::+::$name));
            }
        )*
    };
}
pub(crate) use each;
