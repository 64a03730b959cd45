//! What must hold of TLS on every runtime that has it. Included beside the rest of the suite:
//!
//! ```ignore
//! #[path = "../../runtime/tests/suite/tls/mod.rs"]
//! mod tls;
//!
//! tls::tls_tests!(on_mine);
//! ```

// `pub` here means: for the other files of the suite
#![allow(unreachable_pub)]

pub mod certs;
pub mod clients;
pub mod links;
pub mod mistaken;
pub mod refused;
pub mod reload;
pub mod setup;

/// One `#[test]` for each test, as `suite::tests!` does.
macro_rules! tls_tests {
    ($run:path) => {
        $crate::tls::tls_tests! { @each $run;
            links: nodes_forward_over_tls,
            links: a_server_is_dialed_by_its_name,
            links: many_large_packets_cross_tls_at_once,
            links: a_polite_end_is_seen_as_one,
            links: an_abrupt_end_without_close_notify_is_noticed,
            links: a_node_with_tls_shuts_down,
            refused: a_self_signed_certificate_is_refused,
            refused: a_self_signed_certificate_can_be_trusted,
            refused: an_authority_as_its_own_server_is_refused,
            refused: the_default_authorities_do_not_know_ours,
            refused: a_certificate_for_another_name_is_refused,
            refused: an_expired_certificate_is_refused,
            refused: a_certificate_of_the_future_is_refused,
            refused: a_dialing_node_says_what_is_wrong,
            refused: a_file_of_no_use_is_a_start_error,
            refused: credentials_in_a_url_never_reach_an_error,
            clients: a_certificate_names_the_account_by_its_common_name,
            clients: a_certificate_names_the_account_by_a_dns_name,
            clients: the_token_is_still_checked,
            clients: a_certificate_for_one_cannot_be_used_by_another,
            clients: a_certificate_for_nobody_is_refused,
            clients: nobody_needs_an_optional_certificate,
            clients: a_missing_certificate_is_refused,
            clients: a_foreign_certificate_is_refused,
            clients: an_expired_client_certificate_is_refused,
            reload: new_links_get_the_new_certificate,
            reload: files_of_no_use_change_nothing,
            reload: a_new_authority_is_trusted,
            mistaken: a_plain_client_is_told_to_use_tls,
            mistaken: a_tls_client_is_told_to_use_none,
            mistaken: a_plain_client_understands_a_tls_alert,
            mistaken: a_slow_tls_handshake_is_cut_off,
            mistaken: a_dial_that_hangs_in_the_tls_handshake_is_given_up,
            mistaken: garbage_in_the_tls_handshake_harms_nobody,
        }
    };
    (@each $run:path; $($module:ident: $name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                $run(|runtime| $crate::suite::bounded(runtime, $crate::tls::$module::$name));
            }
        )*
    };
}
pub(crate) use tls_tests;
