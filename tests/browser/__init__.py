r"""The console in a real browser: Debian's Chromium, tablets upright (820 px) and across, light and dark.

What a person does with it from beginning to end, and the test that walks it; `tests.test_named` sees that each exists.

| Journey | Walked by |
| --- | --- |
| open a slip | test_floor.py::TestJourneys::test_open_by_search |
| change the bet | test_floor.py::TestJourneys::test_change_the_bet |
| move | test_floor.py::TestJourneys::test_move |
| pause and resume | test_floor.py::TestJourneys::test_pause_and_resume |
| close, and see the points | test_floor.py::TestJourneys::test_close_in_two_taps_and_see_the_points |
| close while the programme is paused, then recover as a supervisor \
  | test_desk.py::TestJourneys::test_close_while_the_programme_is_paused_and_recover_as_a_supervisor |
| award | test_awards.py::TestAward::test_follows_a_player_to_the_account_and_says_what_was_posted |
| double-click the award | test_awards.py::TestAward::test_makes_one_entry_of_a_double_click |
| award again next to it, with a reference \
  | test_awards.py::TestAward::test_makes_a_second_entry_beside_it_with_a_reference |
| refused: no permission \
  | test_awards.py::TestRefusedAward::test_says_that_the_right_is_gone_and_who_can_give_it_back |
| refused: over the cap, or a reason that says too little \
  | test_awards.py::TestRefusedAward::test_is_marked_beside_the_field_and_keeps_what_was_typed |
| refused: too often | test_awards.py::TestRefusedAward::test_says_after_ten_in_a_minute_to_wait_for_one |
| narrow the audit, and export | test_audit.py::TestJourneys::test_narrow_the_ledger_and_export_what_is_shown |
| trace | test_audit.py::TestJourneys::test_read_how_an_entry_was_counted_and_follow_it |
| two browsers on one slip | test_floor.py::TestJourneys::test_two_tablets_on_one_slip |
| keyboard only: open | test_floor.py::TestKeyboard::test_alone_opens_a_slip |
| keyboard only: close | test_floor.py::TestKeyboard::test_alone_closes_a_slip |
| keyboard only: recover | test_desk.py::TestJourneys::test_recover_by_the_keyboard_alone |
| dark, and 820 px: every page | test_every_page.py::TestEveryPage::test_is_in_order |
| dark: as the device, or as the person chose \
  | test_floor.py::TestLook::test_follows_the_device_until_the_person_chooses |
| 820 px: ten live slips on a screen | test_floor.py::TestLook::test_shows_ten_live_slips_on_one_screen |
| the session ends in the middle of an award \
  | test_awards.py::TestSessionThatEnds::test_keeps_what_was_typed_until_it_is_sent_again |
| the session ends while a slip is closed \
  | test_floor.py::TestJourneys::test_session_ends_while_the_chips_are_counted |
| JavaScript off: the floor | test_floor.py::TestWithoutAScript::test_a_slip_is_opened_by_search_and_closed |
| JavaScript off: the desk | test_desk.py::TestJourneys::test_recover_some_without_a_script |
| JavaScript off: an award | test_awards.py::TestWithoutAScript::test_is_awarded_and_refused_all_the_same |
"""
