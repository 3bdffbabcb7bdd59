"""The pages of the programme, the accounts and the ledger.

`tests.config.matrix.table` says what the columns and the words mean.
"""

from tests.config.matrix.asking import Asking, differences
from tests.config.matrix.table import read_table

TABLE = read_table("""
#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_playerloyalty_]
award|adjust|redeem GET own               login shut  shut  shut  shut  shut  open  shut  shut  shut  shut  shut  open
changelist|history|change GET own         login shut  read  read  read  read  read  read  read  read  read  read  read
award|adjust|redeem GET other             login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
award|adjust|redeem POST own              login shut  no    no    no    no    done  no    no    no    no    no    done
award|adjust|redeem POST other            login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  no    done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_ledgerentry_]
export GET own                            login never never never never never never never never never never never never
changelist GET own                        login shut  read  read  read  read  open  open  open  read  read  read  open
history GET own                           login shut  read  read  read  read  read  read  read  read  read  read  read
change GET own                            login shut  read  read  read  read  open  read  read  read  read  read  open
change GET other                          login shut  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  open
export POST own                           login shut  no    no    no    no    done  done  done  no    no    no    done
reverse GET own                           login shut  shut  shut  shut  shut  open  shut  shut  shut  shut  shut  open
reverse GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
reverse POST own                          login shut  no    no    no    no    done  no    no    no    no    no    done
reverse POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  no    done
comp_slip GET own|other                   login never never never never never never never never never never never never
comp_slip POST own                        login shut  no    no    no    no    done  no    no    no    no    no    done
comp_slip POST other                      login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  no    done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_ledgerexport_]
changelist|history|change GET own         login shut  shut  shut  shut  shut  read  read  read  shut  shut  shut  read
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  read
change GET other                          login shut  shut  shut  shut  shut  gone  gone  gone  shut  shut  shut  read
action=delete_selected POST own|other     login shut  shut  shut  shut  shut  idle  idle  idle  shut  shut  shut  idle
history POST own                          login shut  shut  shut  shut  shut  idle  idle  idle  shut  shut  shut  idle
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  idle

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_loyaltyprogram_]
pause|resume GET own                      login shut  shut  shut  shut  shut  open  shut  shut  shut  shut  shut  open
permissions GET own                       login shut  shut  shut  shut  shut  shut  shut  read  open  shut  shut  open
permissions_manage_user GET own           login shut  shut  shut  shut  shut  shut  shut  shut  open  shut  shut  open
permissions_manage_group GET own          login shut  shut  shut  shut  shut  shut  shut  shut  open  shut  shut  open
changelist|history GET own                login shut  shut  shut  read  read  read  read  read  read  read  read  read
change GET own                            login shut  shut  shut  read  read  read  read  read  open  read  read  open
pause|resume|permissions GET other        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
permissions_manage_user GET other         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
permissions_manage_group GET other        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  open
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  gone  gone  read  open
pause|resume POST own                     login shut  shut  shut  no    no    done  no    no    shut  no    no    done
permissions POST own                      login shut  shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  idle
permissions_manage_user POST own          login shut  shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  done
permissions_manage_group POST own         login shut  shut  shut  shut  shut  shut  shut  shut  idle  shut  shut  done
change POST own                           login shut  shut  shut  shut  shut  shut  shut  shut  done  shut  shut  done
action=delete_selected POST own|other     login shut  shut  shut  idle  idle  idle  idle  idle  idle  idle  idle  idle
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  idle  idle  idle  idle
pause|resume POST other                   login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  no    done
permissions POST other                    login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  idle
permissions_manage_user POST other        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  done
permissions_manage_group POST other       login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  shut  done
change POST other                         login shut  shut  shut  shut  shut  shut  shut  shut  gone  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_earningrate_]
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_comptype_]
add GET own                               login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  open
add POST own                              login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
changelist|history GET own                login shut  shut  shut  read  read  read  read  read  shut  read  read  read
change GET own                            login shut  shut  shut  read  read  read  read  read  shut  read  read  open
change POST own                           login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  shut  gone  read  open
change POST other                         login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  done
month GET own                             login shut  shut  shut  read  read  open  open  open  shut  read  read  open
month_export GET own                      login never never never never never never never never never never never never
month POST own                            login never never never never never never never never never never never never
month_export POST own                     login shut  shut  shut  no    no    done  done  done  shut  no    no    done

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_{ledgerverification,checkpoint}_]
changelist|history|change GET own         login shut  shut  shut  read  read  read  read  read  shut  read  read  read
action=delete_selected POST own           login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
delete GET|POST own                       login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
change POST own                           login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
<path:object_id>/ GET own                 login on    on    on    on    on    on    on    on    on    on    on    on
<path:object_id>/ POST own                login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle

#                                         anon  staff boss  boss- pits  pits- loyal loyal-audit grant oper@ oper  root
[admin:loyalty_{playerloyalty,ledgerentry,ledgerexport,loyaltyprogram,earningrate,tier,comptype,balancerebuild}_]
delete GET|POST own|other                 login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
<path:object_id>/ GET own                 login on    on    on    on    on    on    on    on    on    on    on    on
<path:object_id>/ POST own                login idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
[admin:loyalty_{playerloyalty,ledgerentry,ledgerexport,loyaltyprogram,tier,balancerebuild}_]
add GET|POST own                          login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
[admin:loyalty_{playerloyalty,ledgerentry,ledgerexport,earningrate,tier,balancerebuild}_]
change POST own|other                     login shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut  shut
[admin:loyalty_{playerloyalty,ledgerentry,loyaltyprogram,earningrate,tier,comptype,balancerebuild}_]
history GET other                         login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
history POST other                        login gone  gone  gone  gone  gone  gone  gone  gone  gone  gone  idle  idle
[admin:loyalty_{earningrate,tier,balancerebuild}_]
changelist|history|change GET own         login shut  shut  shut  read  read  read  read  read  shut  read  read  read
change GET other                          login shut  shut  shut  gone  gone  gone  gone  gone  shut  gone  read  read
[admin:loyalty_{earningrate,tier,comptype,balancerebuild}_]
action=delete_selected POST own|other     login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
history POST own                          login shut  shut  shut  idle  idle  idle  idle  idle  shut  idle  idle  idle
[admin:loyalty_playerloyalty_]
change GET other                          login shut  gone  gone  gone  gone  gone  gone  gone  gone  gone  read  read
[admin:loyalty_{playerloyalty,ledgerentry}_]
action=delete_selected POST own|other     login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
history POST own                          login shut  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle  idle
""")


class TestPoints:
    def test_opens_to_each_what_the_table_says(self, asking: Asking) -> None:
        wrong = differences(asking, TABLE)

        assert not wrong, "\n".join(wrong)
