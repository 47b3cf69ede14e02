//! One contract for every store. Each case is written once and runs on SQLite and on PostgreSQL, each alone and with a Redis
//! beside it, so all four report the same number of cases; a machine without one of the servers fails.
//!
//! What Redis is for is asked of it in the groups `limits`, `guesses`, `turns` and `news`: two processes share counters, the mutex of a
//! family and the channel there, and each of these cases demands that Redis answered where there is one. The
//! database knows of no Redis, so for the other groups those two mounts show that they hold beside one, and no more.

/// Makes a test of each case for each store.
macro_rules! mount {
    ($($group:ident: $($case:ident),+;)+) => {
        mod on_sqlite {
            $($(
                #[tokio::test]
                async fn $case() {
                    crate::contract::$group::$case(crate::contract::world::World::sqlite().await).await;
                }
            )+)+
        }
        mod on_postgres {
            $($(
                #[tokio::test]
                async fn $case() {
                    crate::contract::$group::$case(crate::contract::world::World::postgres().await).await;
                }
            )+)+
        }
        mod on_sqlite_and_redis {
            $($(
                #[tokio::test]
                async fn $case() {
                    let world = crate::contract::world::World::sqlite().await.and_redis();
                    crate::contract::$group::$case(world).await;
                }
            )+)+
        }
        mod on_postgres_and_redis {
            $($(
                #[tokio::test]
                async fn $case() {
                    let world = crate::contract::world::World::postgres().await.and_redis();
                    crate::contract::$group::$case(world).await;
                }
            )+)+
        }
    };
}

mount! {
    reuse:
        a_successor_is_handed_out_of_a_living_family_at_its_number_only,
        reuse_ends_one_family_or_all_of_the_user_and_once;
    revoked:
        a_person_is_revoked_with_all_sessions_or_without_any,
        a_token_is_revoked_by_its_id_and_its_session_goes_on;
    accounts:
        an_account_is_read_as_it_was_written,
        a_taken_address_leaves_no_trace,
        of_fifty_accounts_with_one_address_one_is_made,
        a_registration_is_whole_or_not_at_all,
        a_sign_in_is_whole_or_not_at_all,
        an_account_that_moved_signs_nobody_in,
        what_no_issuer_writes_is_named;
    administration:
        people_are_found_by_the_beginning_of_what_they_are_called,
        roles_and_states_narrow_what_is_found,
        pages_follow_each_other_without_a_gap,
        locks_are_told_of_many_names_at_once,
        an_administrator_ends_locks_and_sessions_of_whom_they_name;
    alerts:
        one_process_has_the_turn_until_it_ends,
        events_are_counted_together_as_the_rule_says,
        what_was_told_is_not_raised_again,
        an_alert_is_due_until_it_is_taken_or_given_up;
    events:
        an_event_is_read_as_it_was_written,
        an_act_and_its_event_are_written_together_or_not_at_all,
        filters_narrow_what_is_listed,
        the_views_answer_what_operators_ask,
        old_events_end_and_the_log_stays,
        tables_and_indexes_are_listed_by_size;
    attempts:
        a_counter_moves_only_from_what_was_read,
        of_fifty_guesses_in_two_processes_five_are_compared,
        honest_attempts_in_two_processes_wait_and_pass,
        strangers_cannot_lock_a_known_device_out,
        a_failure_is_whole_or_not_at_all,
        ended_counters_are_taken_away_by_new_ones,
        a_changed_role_ends_every_session_with_it;
    devices:
        a_device_is_known_to_the_account_it_signed_in_to,
        a_device_that_only_refreshed_is_not_known,
        a_session_that_ended_by_suspicion_knows_no_device,
        a_new_password_forgets_every_device_but_its_own,
        an_administrator_who_ends_all_sessions_has_every_device_forgotten,
        of_two_new_passwords_one_is_stored;
    arrivals:
        an_arrival_counts_for_the_generation_that_it_names,
        many_arrivals_are_written_together,
        a_row_that_somebody_else_writes_holds_nothing_up;
    families:
        a_family_is_read_as_it_was_written,
        of_fifty_rotations_one_is_done,
        a_rotation_that_fails_beside_others_fails_alone,
        a_rotation_from_another_state_changes_nothing,
        a_demand_for_a_step_up_stays,
        a_tombstone_stays,
        nothing_succeeds_after_a_revocation,
        all_sessions_but_one_end_together,
        living_sessions_are_listed_the_newest_first,
        a_list_tells_the_later_of_refresh_and_cookie,
        the_last_use_only_moves_forward;
    ends:
        who_signs_in_beyond_the_most_ends_what_lies_longest_unused,
        the_end_of_all_takes_what_can_still_matter;
    keys:
        of_many_processes_one_does_each_step,
        a_change_of_keys_is_whole_or_not_at_all,
        a_change_that_was_overtaken_is_not_done,
        only_the_key_that_signs_gets_a_permit,
        a_process_that_knows_of_no_change_signs_on_and_with_nothing_that_is_retired,
        processes_change_together_at_the_moment_in_the_row,
        a_revoked_key_is_in_the_feed_for_a_day;
    key_algorithms:
        keys_of_several_algorithms_live_beside_each_other,
        a_key_that_is_held_elsewhere_is_read_as_it_was_written;
    secrets:
        of_many_first_starts_one_takes_the_files_in,
        a_key_that_was_changed_by_hand_is_taken_in_with_the_one_before,
        of_many_processes_one_rotates_the_secrets,
        a_secret_is_accepted_until_its_last_token_has_ended,
        issuers_change_their_secrets_together_and_know_those_before,
        a_revoked_secret_makes_way_at_once,
        a_change_of_secrets_is_whole_or_not_at_all;
    limits:
        a_bucket_is_one_for_all_who_are_asked,
        of_fifty_at_once_a_bucket_lets_through_what_it_holds,
        a_name_that_is_tried_too_often_waits_twice_as_long_each_time,
        a_name_whose_failures_are_forgotten_waits_no_longer;
    guesses:
        of_fifty_guesses_the_limits_let_thirty_through_and_the_lock_five;
    roles:
        a_set_of_roles_is_put_in_the_place_of_the_one_that_was_read,
        of_two_sets_of_roles_at_once_one_is_stored,
        somebody_keeps_the_role_of_administrators,
        administrators_who_take_the_role_from_each_other_at_once_leave_one,
        a_change_of_roles_is_whole_or_not_at_all;
    turns:
        of_fifty_refreshes_in_two_processes_one_rotates,
        a_lost_answer_is_handed_out_again_by_another_process,
        a_turn_holds_up_no_other_generation;
    news:
        an_end_is_in_the_feed_of_its_process_at_once,
        an_end_is_in_the_feed_of_every_process;
    log:
        the_log_is_one_chain_under_many_writers,
        the_log_only_grows,
        of_two_who_go_around_the_lock_one_writes,
        what_is_searched_is_what_is_hashed;
    mails:
        a_mail_has_one_holder,
        a_settlement_comes_from_the_holder_only,
        of_many_who_confirm_one_makes_the_account,
        a_reset_is_whole_or_not_at_all,
        of_many_resets_one_is_done,
        a_notice_is_queued_with_its_act_or_not_at_all,
        without_mail_nothing_is_queued;
    mail_languages:
        a_mail_is_in_the_language_of_its_request_whoever_has_an_account,
        a_notice_is_in_the_language_that_was_known_before_its_act,
        a_language_is_remembered_of_whoever_proved_the_mailbox_or_uses_a_known_device,
        without_mail_no_language_is_remembered;
    operations:
        first_starts_at_once_agree_on_schema_and_key,
        a_sealed_key_is_replaced_only_if_it_is_the_one_that_was_read,
        a_name_of_an_edge_is_given_once,
        a_lock_that_is_held_too_long_is_busy,
        what_was_answered_is_there_after_closing,
        a_schema_that_is_not_ours_is_left_alone;
    schemas:
        rows_of_every_older_schema_go_up_and_back;
}
