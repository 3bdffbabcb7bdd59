"""The list of slips, the page of one slip, and the form that opens one."""
