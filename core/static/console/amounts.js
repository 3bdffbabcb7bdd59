/* Select what is in a field for an amount when the field is entered, so that what is typed replaces it.

   On a tablet a tap puts the cursor into the old amount, and "300" typed into 25.00 became 30,025.00. A second tap in the
   same field puts the cursor where it was tapped. */
"use strict";
{
    const AMOUNT = "input[inputmode='decimal'], input[inputmode='numeric']";
    let entered = null;

    document.addEventListener("focusin", ({ target }) => {
        entered = target.matches(AMOUNT) ? target : null;
        entered?.select();
    });
    /* The tap that moved the focus also moves the cursor, which ends the selection. */
    document.addEventListener("click", ({ target }) => {
        if (target === entered && target.selectionStart === target.selectionEnd) {
            target.select();
        }
        entered = null;
    });
    document.addEventListener("input", () => {
        entered = null;
    });
}
