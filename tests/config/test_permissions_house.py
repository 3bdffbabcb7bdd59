"""Signing in and out, and the pages of casinos, players, staff, roles and sign-ins.

`tests.config.matrix.table` says what the columns and the words mean.
"""

from tests.config.matrix.asking import Asking, differences
from tests.config.matrix.table import read_table

TABLE = read_table("""
#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[]
/ GET own                                 login on    on    on    on    on    on    on    on    on    on    on    on
/ POST own                                never never never never never never never never never never never never never
/console/(?P<url>.*)$ GET|POST own        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:]
index GET own                             login read  read  read  open  open  open  open  open  read  open  open  open
index POST own                            login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
login GET own                             open  on    on    on    on    on    on    on    on    on    on    on    on
login POST own                            done  done  done  done  done  done  done  done  done  done  done  done  done
logout GET own                            on    never never never never never never never never never never never never
logout POST own                           idle  done  done  done  done  done  done  done  done  done  done  done  done
sessions GET own                          login open  open  open  open  open  open  open  open  open  open  open  open
sessions POST own                         login done  done  done  done  done  done  done  done  done  done  done  done
password_change GET own                   login open  open  open  open  open  open  open  open  open  open  open  open
password_change POST own                  login done  done  done  done  done  done  done  done  done  done  done  done
password_change_done|jsi18n GET own       login read  read  read  read  read  read  read  read  read  read  read  read
password_change_done POST own             login never never never never never never never never never never never never
jsi18n POST own                           login never never never never never never never never never never never never
view_on_site GET|POST own                 login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone
app_list GET auth                         login gone  gone  gone  gone  gone  gone  gone  read  gone  gone  gone  read
app_list GET ratingslips|loyalty|core     login gone  read  read  read  read  read  read  read  read  read  read  read
app_list POST auth                        login gone  gone  gone  gone  gone  gone  gone  idle  gone  gone  gone  idle
app_list POST ratingslips|loyalty|core    login gone  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle

# Single sign-on is off.                  anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[provider:]
start|back GET own                        gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone
start|back POST own                       never never never never never never never never never never never never never

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_signinevent_]
changelist GET own                        login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
locks GET own                             login shut  shut  shut  open  open  open  open  shut  shut  shut  shut  open
locks POST own                            login shut  shut  shut  done  done  done  done  shut  shut  shut  shut  done
locks POST other                          login shut  shut  shut  gone  gone  gone  gone  shut  shut  shut  shut  done
change GET own                            login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
change GET other                          login shut  shut  shut  shut  shut  shut  shut  gone  shut  shut  shut  read
history GET own                           login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  read
history POST own                          login shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  shut  idle
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  idle
action=delete_selected POST own|other     login shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  shut  idle
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
delete GET|POST own|other                 login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_staffcard_]
changelist GET own                        login shut  shut  shut  open  open  open  open  read  shut  shut  shut  open
declare GET own                           login shut  shut  shut  open  open  open  open  shut  shut  shut  shut  open
declare POST own                          login shut  shut  shut  done  done  done  done  shut  shut  shut  shut  done
declare POST other                        login shut  shut  shut  idle  idle  idle  idle  shut  shut  shut  shut  done
action=withdraw POST own                  login shut  shut  shut  done  done  done  done  no    shut  shut  shut  done
action=withdraw POST other                login shut  shut  shut  idle  idle  idle  idle  idle  shut  shut  shut  done
change GET own                            login shut  shut  shut  read  read  read  read  read  shut  shut  shut  read
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  shut  shut  shut  read
history GET own                           login shut  shut  shut  read  read  read  read  read  shut  shut  shut  read
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  read
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  shut  shut  shut  idle
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  idle
action=delete_selected POST own|other     login shut  shut  shut  idle  idle  idle  idle  idle  shut  shut  shut  idle
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
delete GET|POST own|other                 login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_change_]
changelist GET own                        login shut  shut  shut  read  read  open  open  open  shut  read  read  open
change|history GET own                    login shut  shut  shut  read  read  read  read  read  shut  read  read  read
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  shut  gone  read  read
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
export POST own                           login shut  shut  shut  no    no    done  done  done  shut  no    no    done
export GET own                            login never never never never never never never never never never never never
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  idle  idle
action=delete_selected POST own|other     login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
delete GET|POST own|other                 login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
<path:object_id>/ GET own                 login on    on    on    on    on    on    on    on    on    on    on    on
<path:object_id>/ POST own                login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_casino_]
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
change GET own                            login shut  read  read  read  read  read  read  read  read  read  read  open
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_reasoncode_]
changelist|history GET own                login shut  shut  shut  read  read  read  read  read  shut  read  read  read
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
change GET own                            login shut  shut  shut  read  read  read  read  read  shut  read  read  open
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  shut  gone  read  open
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
action=delete_selected POST own|other     login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_player_]
add GET own                               login shut  shut  shut  open  open  open  open  shut  shut  shut  shut  open
change GET own                            login shut  read  read  open  open  open  open  read  read  read  read  open
add|change POST own                       login shut  shut  shut  done  done  done  done  shut  shut  shut  shut  done
change POST other                         login shut  shut  shut  gone  gone  gone  gone  shut  shut  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:auth_user_]
password_change GET own|other             login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
password_change POST own|other            login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_user_]
changelist|history GET own                login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
change GET own                            login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  open
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  read
change GET other                          login shut  shut  shut  shut  shut  shut  shut  gone  shut  shut  shut  open
action=delete_selected POST own|other     login shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  shut  idle
history POST own                          login shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  shut  idle
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  idle

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:auth_group_]
changelist GET own                        login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
change GET own                            login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  open
add|delete GET own                        login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
history GET own|builtin                   login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
change GET builtin                        login shut  shut  shut  shut  shut  shut  shut  read  shut  shut  shut  read
action=delete_selected POST own|builtin   login shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  shut  idle
add|delete|change POST own                login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
history POST own|builtin                  login shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  shut  idle
change POST builtin                       login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
delete GET|POST builtin                   login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:core_replaycount_]
changelist|history|change GET own         login shut  shut  shut  read  read  read  read  read  shut  read  read  read
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  shut  gone  read  read
action=delete_selected POST own|other     login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:{core_signinevent,core_staffcard,core_casino,core_reasoncode,core_player,core_user,core_replaycount,auth_group}_]
<path:object_id>/ GET own                 login on    on    on    on    on    on    on    on    on    on    on    on
<path:object_id>/ POST own                login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
[admin:core_{casino,reasoncode,player,user,replaycount}_]
delete GET|POST own|other                 login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
[admin:core_{casino,reasoncode,player,replaycount}_]
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  idle  idle
[admin:core_{casino,player}_]
changelist|history GET own                login shut  read  read  read  read  read  read  read  read  read  read  read
change GET other                          login shut  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  open
action=delete_selected POST own|other     login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
history POST own                          login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[factors:]
own GET own                               login read  read  read  read  read  read  read  read  read  read  read  read
codes GET own                             login on    on    on    on    on    on    on    on    on    on    on    on
add_app|add_key GET own                   login open  open  open  open  open  open  open  open  open  open  open  open
add_app|add_key POST own                  login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
make_codes GET own                        login never never never never never never never never never never never never
own|codes POST own                        login never never never never never never never never never never never never
make_codes POST own                       login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone
rename|remove GET|POST own|other          login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  gone
reset GET own                             login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
reset GET other                           login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
reset POST own                            login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
reset POST other                          login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  done
second_step|enrol|enrol_app|enrol_key GET own on    on    on    on    on    on    on    on    on    on    on    on    on
second_step|enrol_app|enrol_key POST own   idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
enrol POST own                            never never never never never never never never never never never never never
""")


class TestHouse:
    def test_opens_to_each_what_the_table_says(self, asking: Asking) -> None:
        wrong = differences(asking, TABLE)

        assert not wrong, "\n".join(wrong)
