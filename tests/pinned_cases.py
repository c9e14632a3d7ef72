"""Which test holds which pinned case of the seed system (part 3 of its reference), and which has none here.

``pytest -k case_167`` runs those of one case. What the contract says otherwise is listed with its
reason in docs/decisions/0003-pinned-cases.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WRITES = "api/management/test_config_writes.py"
DEFECTS = "e2e/test_fork_defects.py"
ACCESS = "e2e/test_access.py"
CASES = "e2e/test_pinned_cases.py"
ERRORS = "wires/openai_responses/test_errors.py"
DECODER = "wires/openai_responses/test_stream_decoder.py"
COLLECTED = "wires/openai_responses/test_collected_decoder.py"
ENCODE = "wires/openai_responses/test_encode_request.py"
SPLICE = "gateway/test_rewrite_body.py"
PASSTHROUGH = "gateway/test_passthrough.py"
AUTHS = "snapshot/test_core_auths.py"
IDS = "snapshot/test_ids.py"
SUMMARY = "snapshot/test_summary.py"
MODELS = "api/inference/test_models.py"
REGISTRY = "snapshot/test_models.py"
FILE = "sources/test_file.py"
RELOADER = "reload/test_reloader.py"
LOAD = "config/test_load.py"
SELECTION = "router/test_pinned_selection.py"
COOLDOWNS = "router/test_pinned_cooldowns.py"
STORE = "e2e/test_store_api.py"
STORE_API = "api/provider_store/test_routes.py"

HELD: Final[Mapping[int, tuple[str, ...]]] = {
    98: (
        f"{COLLECTED}::test_however_the_end_looks_the_answer_is_the_same",
        f"{PASSTHROUGH}::test_everything_goes_through_but_for_the_model",
    ),
    99: (
        f"{COLLECTED}::test_however_the_end_looks_the_answer_is_the_same",
        f"{PASSTHROUGH}::test_everything_goes_through_but_for_the_model",
    ),
    100: (
        f"{ERRORS}::test_upstream_errors",
        "e2e/test_failures.py::test_an_upstreams_error_keeps_its_meaning_and_its_words",
    ),
    101: (f"{DECODER}::test_a_body_that_ends_early_is_an_error", "e2e/test_cut_streams.py::test_whole"),
    102: (f"{DECODER}::test_the_first_terminal_event_counts",),
    103: (f"{DECODER}::test_an_error_event_may_name_its_status", f"{DECODER}::test_an_error_before_anything_else"),
    104: (f"{ERRORS}::test_upstream_errors", f"{DECODER}::test_failures"),
    105: (f"{ERRORS}::test_when_to_come_back",),
    106: (f"{ERRORS}::test_upstream_errors",),
    107: (f"{ERRORS}::test_any_body_is_passed_on",),
    108: (f"{SPLICE}::test_null_instructions_become_empty",),
    109: (
        f"{SPLICE}::test_parallel_tool_calls_is_dropped_without_tools",
        f"{SPLICE}::test_parallel_tool_calls_is_kept_with_tools",
    ),
    110: (
        f"{ENCODE}::test_the_cache_key_is_one_per_conversation_and_model",
        f"{CASES}::test_the_cache_key_of_a_session",
    ),
    113: (
        f"{SPLICE}::test_reasoning_of_another_core_auth_is_left_out_with_its_item",
        "wires/openai_responses/test_encode_blocks.py::test_reasoning_ids_that_would_be_refused_are_left_out",
    ),
    114: (f"{SPLICE}::test_the_forced_fields_and_nothing_else",),
    116: (
        f"{SELECTION}::test_case_116_fill_first_round_robin_and_tiers",
        f"{SELECTION}::test_case_116_a_lower_tier_only_while_the_higher_one_rests",
    ),
    117: (
        f"{SELECTION}::test_case_117_weights",
        f"{SELECTION}::test_case_117_the_top_one_is_out_and_returns_without_a_backlog",
        f"{SELECTION}::test_case_117_another_weight_starts_at_zero",
    ),
    118: (
        f"{SELECTION}::test_case_118_all_efforts_of_a_model_share_turns_and_rests",
        f"{SELECTION}::test_case_118_the_latest_time_counts",
    ),
    119: (f"{SELECTION}::test_case_119_all_rest",),
    120: (f"{SELECTION}::test_case_120_blocked_without_a_time_and_free_when_it_is_over",),
    121: (f"{SELECTION}::test_case_121_requests_at_once_are_spread_evenly",),
    123: (
        f"{COOLDOWNS}::test_case_123_one_more_round_for_one_core_auth",
        f"{COOLDOWNS}::test_case_123_a_limit_of_five_milliseconds_and_three_rounds",
        f"{COOLDOWNS}::test_case_123_a_request_keeps_the_rounds_it_began_with",
    ),
    124: (
        f"{COOLDOWNS}::test_case_124_somebody_who_is_ready_is_asked_without_a_wait",
        f"{COOLDOWNS}::test_case_124_a_refused_key_makes_no_further_round",
    ),
    125: (
        f"{COOLDOWNS}::test_case_125_the_requests_own_fault_stops_at_once",
        f"{COOLDOWNS}::test_case_125_a_relays_word_filter_is_asked_once_more",
    ),
    126: (f"{COOLDOWNS}::test_case_126_a_model_that_one_lacks_is_asked_of_the_next",),
    127: (f"{COOLDOWNS}::test_case_127_a_401_that_calls_the_request_wrong_condemns_no_key",),
    129: (f"{COOLDOWNS}::test_case_129_with_disable_cooling_the_upstreams_status_comes_again",),
    130: (
        f"{COOLDOWNS}::test_case_130_a_second_429_inside_the_rest_changes_nothing_and_one_after_it_doubles",
        f"{COOLDOWNS}::test_case_130_a_refused_key_inside_a_short_rest_makes_it_long",
    ),
    131: (
        f"{COOLDOWNS}::test_case_131_a_cut_stream_rests_nobody_but_the_same_words_with_a_status_do",
        f"{COOLDOWNS}::test_case_131_a_client_that_hangs_up_rests_nobody",
    ),
    132: (f"{COOLDOWNS}::test_case_132_an_unknown_500_rests_this_model_alone",),
    133: (
        f"{COOLDOWNS}::test_case_133_jitter",
        f"{COOLDOWNS}::test_case_133_a_doubled_rest_is_never_over_its_most",
    ),
    136: (f"{COOLDOWNS}::test_case_136_a_stream_is_asked_again_until_its_first_byte_and_never_after",),
    137: (f"{COOLDOWNS}::test_case_137_overloaded_everywhere_is_a_real_error_and_not_a_refusal",),
    138: (
        f"{SELECTION}::test_case_138_a_session_stays_and_others_spread",
        f"{SELECTION}::test_case_138_a_core_auth_that_rests_loses_the_session",
        f"{SELECTION}::test_case_138_a_request_that_is_refused_for_itself_keeps_its_session",
        f"{SELECTION}::test_case_138_a_late_answer_does_not_undo_a_move",
        f"{SELECTION}::test_case_138_a_late_failure_does_not_undo_a_move",
        f"{SELECTION}::test_case_138_a_session_name_is_trimmed",
    ),
    140: (f"{COOLDOWNS}::test_case_140_only_a_404_of_the_model_says_that_it_is_not_there",),
    141: (f"{COOLDOWNS}::test_case_141_statuses",),
    142: (f"{CASES}::test_case_142_an_odd_model_name_is_an_error_in_json",),
    143: (
        f"{REGISTRY}::test_registrations_and_that_they_go_with_the_block",
        f"{MODELS}::test_a_disabled_provider_is_gone_at_once",
    ),
    145: (
        f"{MODELS}::test_anthropic_clients_get_their_shape_with_claude_names",
        f"{MODELS}::test_an_empty_list_is_fine_in_every_shape",
    ),
    146: (
        f"{MODELS}::test_openai_clients_get_the_plain_list",
        f"{MODELS}::test_anthropic_clients_get_their_shape_with_claude_names",
    ),
    147: (f"{REGISTRY}::test_the_list", f"{REGISTRY}::test_a_listed_name_with_an_alias_is_sent_as_written"),
    148: ("router/test_states.py::test_a_removed_core_auth_is_forgotten_and_a_kept_one_is_not",),
    149: ("router/test_states.py::test_a_removed_core_auth_is_forgotten_and_a_kept_one_is_not",),
    150: (
        f"{FILE}::test_what_changes_no_byte_publishes_nothing",
        f"{RELOADER}::test_outcomes_of_what_the_file_says",
        "e2e/test_reload.py::test_a_broken_file_changes_nothing_and_the_next_good_one_heals",
    ),
    151: (f"{FILE}::test_a_burst_of_saves_ends_with_the_last_content_and_few_readings",),
    152: (
        f"{RELOADER}::test_a_start_with_neither_is_refused_with_the_diagnostics",
        f"{RELOADER}::test_the_end_answers_who_still_waits",
    ),
    153: (
        f"{FILE}::test_named_files_belong_to_the_digest",
        f"{FILE}::test_a_file_that_is_gone_is_told_once_and_its_return_is_published",
    ),
    154: (f"{AUTHS}::test_use_is_not_identity",),
    155: (
        f"{RELOADER}::test_the_end_answers_who_still_waits",
        f"{RELOADER}::test_a_caller_that_went_away_disturbs_nobody",
    ),
    156: (
        f"{IDS}::test_short_is_the_kind_then_nul_and_part",
        f"{IDS}::test_a_taken_id_gets_a_number",
        f"{AUTHS}::test_the_ids_of_a_reordered_file_are_the_same",
    ),
    157: (
        f"{AUTHS}::test_tppc_no_enabled_providers",
        f"{LOAD}::test_validate_tppc_missing_api_key",
        f"{IDS}::test_parts_are_as_written_but_trimmed",
    ),
    159: (f"{LOAD}::test_absent_is_not_false", f"{AUTHS}::test_globals_reach_every_core_auth_unless_it_says_otherwise"),
    160: (
        "config/test_cases.py::test_every_problem_is_reported_with_place_and_remedy",
        f"{WRITES}::test_a_weight_above_the_most_is_refused_and_null_resets",
    ),
    161: (
        "snapshot/test_build.py::test_excluded_models_are_a_set_of_patterns_without_case",
        "snapshot/test_discovered_models.py::test_excluded_models_are_served_by_no_name",
    ),
    162: (f"{SUMMARY}::test_lines", f"{SUMMARY}::test_lines_come_in_the_order_of_the_file"),
    163: (f"{SUMMARY}::test_lines", f"{DEFECTS}::test_defect_13_a_url_is_shown_by_its_host_alone"),
    164: (f"{SUMMARY}::test_lines",),
    165: (f"{SUMMARY}::test_lines",),
    166: ("snapshot/test_build.py::test_other_meaning_other_revision",),
    167: (f"{ACCESS}::test_five_failures_lock_out_for_the_right_key_too_and_are_recorded_without_a_key",),
    168: ("api/management/test_access.py::test_a_missing_key_is_refused_and_not_counted",),
    169: (f"{WRITES}::test_one_provider_is_added_and_removed",),
    170: (
        f"{WRITES}::test_patch_sets_clears_and_keeps_three_states",
        f"{WRITES}::test_a_weight_above_the_most_is_refused_and_null_resets",
    ),
    171: (f"{DEFECTS}::test_defect_02_a_wrapped_patch_keeps_true_true_and_the_list_whole",),
    177: (
        f"{AUTHS}::test_packycode_disabled_and_enabled",
        f"{DEFECTS}::test_defect_08_a_changed_key_or_url_leaves_no_old_client",
        f"{DEFECTS}::test_defect_09_there_is_one_packycode_credential_however_many_providers",
    ),
    178: (f"{WRITES}::test_each_mistake_has_the_sentence_of_the_seed_system",),
    179: (f"{DEFECTS}::test_defect_05_an_absent_flag_is_its_default_and_not_false",),
    180: (
        f"{DEFECTS}::test_defect_01_a_wrapped_put_is_no_empty_configuration",
        f"{DEFECTS}::test_defect_05_an_absent_flag_is_its_default_and_not_false",
    ),
    181: (
        f"{DEFECTS}::test_defect_02_a_wrapped_patch_keeps_true_true_and_the_list_whole",
        f"{DEFECTS}::test_defect_03_a_patch_of_tppc_merges_by_name",
        f"{WRITES}::test_an_unknown_name_is_added_if_it_is_complete",
    ),
    182: (
        "api/management/test_management.py::test_packycode_shows_the_file_and_its_defaults_masked",
        f"{DEFECTS}::test_defect_07_the_source_in_force_is_told_field_by_field",
    ),
    158: (
        "snapshot/test_key_lists.py::test_each_key_is_a_core_auth_with_the_ids_that_it_would_have_alone",
        "snapshot/test_key_lists.py::test_a_key_is_named_by_its_place_and_used_once",
    ),
    183: (
        f"{WRITES}::test_two_of_one_name_are_refused",
        f"{WRITES}::test_ids_differ_by_name_and_keys_stay_with_their_provider",
        f"{DEFECTS}::test_defect_10_each_provider_is_called_with_its_own_key_only",
    ),
    184: (
        f"{CASES}::test_models_are_listed_before_any_save",
        f"{DEFECTS}::test_defect_12_an_invalid_start_ends_with_a_message_and_78",
    ),
    185: (f"{SUMMARY}::test_lines", f"{SUMMARY}::test_the_client_summary"),
    186: (
        "e2e/test_reload.py::test_a_disabled_provider_is_gone_at_once",
        "e2e/test_reload.py::test_a_stream_in_flight_finishes_on_the_file_it_began_with",
    ),
    187: (f"{CASES}::test_an_upstream_that_says_nothing_ends_in_504", f"{CASES}::test_a_body_that_is_too_large"),
    188: (f"{STORE}::test_case_188_the_path_is_appended_once",),
    189: (f"{STORE}::test_case_189_what_a_request_says_beats_extra_config",),
    190: (f"{STORE}::test_case_190_what_the_upstream_says_and_where_a_stream_ends",),
    191: (
        f"{STORE}::test_case_191_create_get_list_update_switch_and_delete",
        f"{STORE_API}::test_case_191_what_is_wrong_is_named",
        f"{STORE_API}::test_case_191_the_list_is_filtered_and_paged",
    ),
    192: (
        f"{STORE}::test_9_8_a_reload_that_fails_keeps_the_old_instance_serving",
        f"{STORE}::test_9_9_fifty_reloads_at_once_while_requests_run",
        f"{STORE}::test_case_192_one_is_broken_and_the_others_are_replaced",
        f"{STORE_API}::test_case_192_reload_of_one_and_of_all",
    ),
    193: (
        f"{STORE}::test_case_193_what_goes_on_to_the_next_provider",
        f"{STORE}::test_case_193_fallback_models_are_asked_in_order",
        f"{STORE}::test_case_193_other_refusals_go_no_further",
    ),
}
"""Case -> tests below ``tests/``."""

NOT_HERE: Final = frozenset({111, 144, 172})
"""Cases of things that the contract does not have."""

SELECTED: Final = frozenset(range(116, 143)) - {122, 128, 134, 135, 139}
"""Of selection, retry and cooldown."""

ASKED_FOR: Final = frozenset(
    {*range(98, 112), 113, 114, *SELECTED, *range(143, 173), *range(177, 194)},
)
"""The numbers that the issues name, of those that this system can have."""
