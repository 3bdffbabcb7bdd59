"""The floor, the home page, the trace, and the pages of pits, games, tables and slips.

`tests.config.matrix.table` says what the columns and the words mean.
"""

from tests.config.matrix.asking import Asking, differences
from tests.config.matrix.table import read_table

TABLE = read_table("""
#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[floor:]
home GET own                              login shut  on    on    on    on    read  read  read  read  read  read  read
home POST own                             login never never never never never never never never never never never never
pit POST own|other                        login never never never never never never never never never never never never
pit GET own                               login shut  read  read  read  read  read  read  read  read  read  read  read
pit GET other                             login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
seat|slip GET own                         login shut  open  read  open  read  read  read  read  read  open  open  open
seat|slip GET other                       login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  open  open
seat POST own                             login shut  done  no    done  no    no    no    no    no    done  done  done
seat POST other                           login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
slip|undo POST own                        login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
slip|undo POST other                      login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  idle  idle
slip+pause|slip+resume POST own           login shut  done  no    done  no    no    no    no    no    done  done  done
slip+pause|slip+resume POST other         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
slip+change_bet|slip+move POST own        login shut  done  no    done  no    no    no    no    no    done  done  done
slip+change_bet|slip+move POST other      login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
slip+complete POST own                    login shut  done  no    done  no    no    no    no    no    done  done  done
slip+complete POST other                  login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
slip+buy_in|slip+chips_out POST own       login shut  done  no    done  no    no    no    no    no    done  done  done
slip+buy_in|slip+chips_out POST other     login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
slip+strike POST own                      login shut  done  no    done  no    no    no    no    no    done  done  done
slip+strike POST other                    login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
slip+void POST own                        login shut  no    no    done  no    no    no    no    no    done  done  done
slip+void POST other                      login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
undo GET own|other                        login never never never never never never never never never never never never
undo+undo POST own                        login shut  no    no    done  no    no    no    no    no    done  done  done
undo+undo POST other                      login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
undo+still_playing POST own               login shut  done  no    done  no    no    no    no    no    done  done  done
undo+still_playing POST other             login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
wrong_player GET own                      login shut  open  read  open  read  read  read  read  read  open  open  open
wrong_player GET other                    login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  open  open
wrong_player POST own                     login shut  done  no    done  no    no    no    no    no    done  done  done
wrong_player POST other                   login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[desk:]
home GET own                              login read  read  read  open  open  open  open  open  read  open  open  open
home POST own                             login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
pay GET own                               login shut  on    on    on    on    on    on    on    on    on    on    on
pay POST own                              login shut  no    no    done  no    no    no    no    no    done  done  done
player GET own                            login shut  read  read  read  read  read  read  read  read  read  read  read
player GET other                          login shut  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
player POST own|other                     login never never never never never never never never never never never never
cash GET own                              login shut  read  read  read  read  read  read  read  read  read  read  read
cash POST own                             login never never never never never never never never never never never never
namesake GET own                          login shut  shut  shut  on    on    on    on    shut  shut  shut  shut  on
namesake POST own                         login shut  shut  shut  done  done  done  done  shut  shut  shut  shut  done
namesake POST other                       login shut  shut  shut  idle  idle  idle  idle  shut  shut  shut  shut  done
check_drift GET own                       login shut  shut  shut  on    on    on    on    on    shut  on    on    on
check_drift POST own                      login shut  shut  shut  done  done  done  done  done  shut  done  done  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[trace:]
search GET own                            login read  read  read  read  read  read  read  read  read  read  read  read
search POST own                           login never never never never never never never never never never never never
story POST own|other                      login never never never never never never never never never never never never
story GET own                             login gone  read  read  read  read  read  read  read  read  read  read  read
story GET other                           login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:ratingslips_pit_]
permissions GET own                       login shut  shut  shut  open  open  shut  shut  read  open  shut  shut  open
permissions_manage_user GET own           login shut  shut  shut  open  open  shut  shut  shut  open  shut  shut  open
permissions_manage_group GET own          login shut  shut  shut  open  open  shut  shut  shut  open  shut  shut  open
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
change GET own                            login shut  read  read  open  open  read  read  read  open  read  read  open
permissions GET other                     login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
permissions_manage_user GET other         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
permissions_manage_group GET other        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
permissions POST own                      login shut  shut  shut  idle  idle  shut  shut  shut  idle  shut  shut  idle
permissions_manage_user POST own          login shut  shut  shut  done  idle  shut  shut  shut  idle  shut  shut  done
permissions_manage_group POST own         login shut  shut  shut  done  idle  shut  shut  shut  idle  shut  shut  done
change POST own                           login shut  shut  shut  done  idle  shut  shut  shut  idle  shut  shut  done
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
permissions POST other                    login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  idle
permissions_manage_user POST other        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  done
permissions_manage_group POST other       login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  done
change POST other                         login shut  shut  shut  gone  gone  shut  shut  shut  gone  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:ratingslips_gamesettings_]
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
change GET own                            login shut  read  read  read  read  read  read  read  read  read  read  open
values GET own                            login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
values GET other                          login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
values POST own                           login shut  no    no    no    no    no    no    no    no    no    no    done
values POST other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  no    done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:ratingslips_gamingtable_]
add GET own                               login shut  shut  shut  open  open  shut  shut  shut  shut  shut  shut  open
change GET own                            login shut  read  read  open  open  read  read  read  read  read  read  open
add POST own                              login shut  shut  shut  done  done  shut  shut  shut  shut  shut  shut  done
change POST own                           login shut  shut  shut  done  idle  shut  shut  shut  shut  shut  shut  done
change POST other                         login shut  shut  shut  gone  gone  shut  shut  shut  shut  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:ratingslips_ratingslip_]
open GET own                              login shut  open  open  open  open  shut  shut  shut  shut  open  open  open
changelist GET own                        login shut  open  open  open  open  read  read  read  read  open  open  open
history GET own                           login shut  read  read  read  read  read  read  read  read  read  read  read
change GET own                            login shut  open  read  open  read  read  read  read  read  open  open  open
change GET other                          login shut  gone  gone  gone  gone  gone  gone  gone  gone  gone  open  open
correct GET own                           login shut  open  shut  open  shut  shut  shut  shut  shut  open  open  open
correct|preview GET other                 login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  open  open
preview GET own                           login shut  open  shut  open  shut  shut  shut  shut  shut  open  open  open
correct POST own                          login shut  done  no    done  no    no    no    no    no    done  done  done
correct POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  done  done
preview POST own                          login shut  idle  shut  idle  shut  shut  shut  shut  shut  idle  idle  idle
preview POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  idle  idle
open POST own                             login shut  done  idle  done  idle  idle  idle  idle  idle  done  done  done
action=pause|action=resume POST own       login shut  done  no    done  no    no    no    no    no    done  done  done
action=change_bet|action=move POST own    login shut  done  no    done  no    no    no    no    no    done  done  done
action=complete POST own                  login shut  done  no    done  no    no    no    no    no    done  done  done
action=recover POST own                   login shut  no    no    done  no    no    no    no    no    done  done  done
action=release POST own                   login shut  no    no    no    no    no    no    no    no    no    no    done
action=void POST own                      login shut  no    no    done  no    no    no    no    no    done  done  done
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
action=pause|action=resume POST other     login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  done  done
action=change_bet|action=move POST other  login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  done  done
action=void POST other                    login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  done  done
action=release POST other                 login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  no    done
action=complete|action=recover POST other login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  done  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:ratingslips_{pit,gamesettings,gamingtable,ratingslip}_]
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
action=delete_selected POST own|other     login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
history POST own                          login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
delete GET|POST own|other                 login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  idle  idle
<path:object_id>/ GET own                 login on    on    on    on    on    on    on    on    on    on    on    on
<path:object_id>/ POST own                login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
[admin:ratingslips_{pit,gamesettings,gamingtable}_]
changelist|history GET own                login shut  read  read  read  read  read  read  read  read  read  read  read
change GET other                          login shut  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  open
""")


class TestFloor:
    def test_opens_to_each_what_the_table_says(self, asking: Asking) -> None:
        wrong = differences(asking, TABLE)

        assert not wrong, "\n".join(wrong)
