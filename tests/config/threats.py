"""What somebody could try against the console, and the test that tries it; `tests.test_named` sees that each exists.

What is refused is refused with a line in the log, under the correlation id of the answer, and without a row.

- passwords are guessed: kept out, and told for how long:
  config/test_security_sign_in.py::TestGuessing::test_ends_in_a_page_that_says_how_long_to_wait
- … it is logged, without a name:
  config/test_security_sign_in.py::TestGuessing::test_is_logged_under_its_correlation_id_without_a_name
- … colleagues are left alone:
  config/test_hardening.py::TestGuessedPassword::test_leaves_the_colleague_at_the_next_desk_alone
- … with addresses that the guesser claims:
  config/test_security_sign_in.py::TestGuessing::test_is_not_hidden_by_an_address_that_the_guesser_claims
- a user name that fills the record of failed tries:
  core/test_readable_lists.py::TestSignIn::test_refuses_a_user_name_longer_than_any
- a session outlives the shift:
  config/test_hardening.py::TestSession::test_ends_with_the_shift
- … a changed password:
  config/test_security_sign_in.py::TestSession::test_ends_when_the_password_is_changed_elsewhere
- … the account:
  config/test_security_sign_in.py::TestSession::test_ends_with_the_account
- … the signing out, as a stolen cookie:
  config/test_security_sign_in.py::TestSession::test_ends_for_a_stolen_cookie_as_well_when_its_owner_signs_out
- a session is planted before the sign-in:
  config/test_security_sign_in.py::TestSession::test_has_no_key_that_somebody_chose
- a cookie is read by a script or on a plain line:
  config/test_security_sign_in.py::TestProduction::test_sends_cookies_that_no_script_reads_and_no_plain_line_carries
- a plain line is listened to:
  config/test_security_sign_in.py::TestProduction::test_leads_from_a_plain_line_to_a_closed_one
- headers let a browser do more than it must:
  config/test_security_sign_in.py::TestProduction::test_answers_with_headers_that_bind_the_browser
- the console stands in a frame:
  config/test_hardening.py::TestAnswer::test_may_stand_in_no_frame
- settings of production are soft:
  config/test_hardening.py::TestProduction::test_passes_django_s_own_check_for_deployment
- staff is forged in a form: an award:
  loyalty/test_admin_accounts.py::TestAward::test_takes_no_staff_from_the_post
- … a slip:
  config/test_security_input.py::TestForgedStaff::test_is_not_read_from_the_floor_s_forms
- another casino's row by a guessed address: every page:
  config/test_permission_matrix.py::TestMatrix::test_lets_nobody_write_in_another_casino_who_does_not_work_in_all
- … every model:
  core/test_admin.py::TestEveryModel::test_never_opens_a_guessed_row_of_another_casino
- … by a filter, a search or a prefilled form:
  config/test_security_other_casino.py::TestOtherCasino::test_is_not_told_of_to_who_asks_for_its_rows
- a right is taken away between page and post: an award:
  loyalty/test_admin_accounts.py::TestAward::test_is_refused_when_the_permission_was_taken_away_between_page_and_post
- … an action on slips:
  ratingslips/test_admin_rows.py::TestEveryAction::test_is_refused_when_the_right_was_taken_away_between_page_and_post
- … the account:
  loyalty/test_rewards.py::TestManualReward::test_refuses_who_was_deactivated_between_page_and_post
- who is no staff any more:
  config/test_permission_matrix.py::TestAccount::test_is_answered_as_if_nobody_were_signed_in
- a post is forged from elsewhere:
  config/test_hardening.py::TestForgedPost::test_is_refused_on_every_page_that_moves_value
- a formula in an export:
  config/test_security_input.py::TestCode::test_in_an_export_is_no_formula
- a script in a name or a reason:
  config/test_security_input.py::TestCode::test_in_a_name_or_a_reason_is_shown_as_text_on_every_page
- a script, run in spite of all: the policy:
  core/test_admin.py::TestEveryModel::test_has_pages_that_a_strict_policy_lets_through
- a body that is too large, or has too many fields:
  config/test_security_input.py::TestBody::test_is_refused_and_logged_under_its_correlation_id
- a body that is malformed:
  config/test_security_input.py::TestBody::test_does_nothing_where_it_cannot_be_read
- … before the sign-in:
  config/test_security_input.py::TestBody::test_is_answered_for_who_is_not_signed_in
- a file that fills the disk:
  config/test_security_input.py::TestBody::test_with_a_file_is_read_and_the_file_forgotten
- values that nobody means to send: forms:
  config/test_fuzz_forms.py::TestForm::test_writes_only_what_may_be
- … addresses:
  config/test_fuzz_queries.py::TestQueryString::test_is_answered_and_writes_nothing
"""
