/* Security keys: the button of a form asks the browser for one, and sends the form with its answer.

   The form holds what the browser needs in `data-key-options`, as JSON. Every page works without this script: people
   then type a code. */
"use strict";
{
    const isSupported =
        window.isSecureContext && Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);
    const PROBLEMS = {
        NotAllowedError: "No security key answered. Try again, or use another way.",
        InvalidStateError: "This security key was added before.",
    };

    async function answerOf({ keyOptions, keyAct }) {
        const options = JSON.parse(keyOptions);
        if (keyAct === "create") {
            const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
            return navigator.credentials.create({ publicKey });
        }
        return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    }

    function prepare(form) {
        const button = form.querySelector("[data-key]");
        const problem = form.querySelector("[data-key-problem]");
        form.querySelector("[data-key-missing]").hidden = true;
        button.hidden = false;
        button.addEventListener("click", async () => {
            problem.hidden = true;
            button.disabled = true;
            try {
                const answer = await answerOf(form.dataset);
                form.querySelector("[name$='key_answer']").value = JSON.stringify(answer);
                form.submit();
            } catch (error) {
                problem.textContent = PROBLEMS[error.name] ?? "The browser could not use a security key here.";
                problem.hidden = false;
                button.disabled = false;
            }
        });
    }

    if (isSupported) {
        document.querySelectorAll("form[data-key-options]").forEach(prepare);
    }
}
