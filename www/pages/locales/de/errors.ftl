# Was jemand über eine Ablehnung liest. `error-` und ein Code aus docs/HTTP.md in Kleinbuchstaben.

refusal-title = Das hat nicht geklappt
refusal-unjudged = Was Sie abgeschickt haben, ließ sich nicht prüfen. Es ist nichts geschehen, und nichts davon wird hier aufbewahrt. Vielleicht hat es Ihr Browser noch, wenn Sie zurückgehen.

error-validation-failed = Etwas davon geht so nicht.
error-malformed-body = Was geschickt wurde, ist nicht lesbar.
error-unsupported-media-type = Was geschickt wurde, ist von einer Art, die hier nicht angenommen wird.
error-body-too-large = Was geschickt wurde, ist zu groß.
error-body-too-slow = Was geschickt wurde, kam zu langsam an. Versuchen Sie es noch einmal.
error-headers-too-large = Ihr Browser schickt zu viele Cookies für diese Website. Löschen Sie sie und versuchen Sie es noch einmal.
error-path-too-long = Diese Adresse ist zu lang.
error-ambiguous-path = Die Adresse lässt sich auf mehr als eine Weise lesen.
error-unclear-request = Der Proxy sagt nicht eindeutig, nach welcher Seite er fragt.
error-ambiguous-credentials = Ihr Browser hat zwei Anmeldungen zugleich geschickt. Löschen Sie die Cookies dieser Website und melden Sie sich neu an.
error-not-found = Hier ist nichts.
error-method-not-allowed = Das lässt sich nicht unmittelbar öffnen. Gehen Sie zurück und versuchen Sie es noch einmal.
error-not-signed-in = Melden Sie sich erst an.
error-token-expired = Ihre Anmeldung ist abgelaufen. Melden Sie sich neu an.
error-token-not-yet-valid = Ihre Anmeldung gilt noch nicht: Zwei Uhren gehen verschieden. Versuchen Sie es gleich noch einmal.
error-invalid-token = Ihre Anmeldung wird nicht angenommen. Melden Sie sich neu an.
error-token-revoked = Ihre Sitzung wurde beendet. Melden Sie sich neu an.
error-unknown-key = Ihre Anmeldung wird nicht angenommen. Melden Sie sich neu an.
error-invalid-credentials = Die E-Mail-Adresse oder das Passwort ist falsch.
error-account-locked = Nach zu vielen falschen Passwörtern ist die Anmeldung mit dieser Adresse gesperrt.
error-weak-password = Das Passwort ist zu schwach.
error-email-taken = Zu dieser E-Mail-Adresse gibt es schon ein Konto.
error-last-admin = Sonst verwaltet niemand diese Website. Geben Sie die Rolle erst jemand anderem.
error-stale-version = Jemand hat das inzwischen geändert. Sehen Sie nach, wie es jetzt ist, und entscheiden Sie noch einmal.
error-version-required = Was geschickt wurde, sagt nicht, was es ändert. Gehen Sie zurück und versuchen Sie es noch einmal.
error-no-refresh-token = Melden Sie sich erst an.
error-refresh-in-progress = Ein anderer Tab erneuert gerade Ihre Sitzung. Versuchen Sie es gleich noch einmal.
error-invalid-refresh-token = Ihre Anmeldung ist abgelaufen. Melden Sie sich neu an.
error-refresh-reused = Ihre Sitzung wurde zu Ihrem Schutz beendet. Melden Sie sich neu an.
error-step-up-required = Bestätigen Sie erst, dass Sie es sind.
error-edge-proof-invalid = Der Weg zu dieser Seite ist nicht so eingerichtet, wie er sein muss.
error-edge-proof-required = Der Weg zu dieser Seite ist nicht so eingerichtet, wie er sein muss.
error-link-invalid = Dieser Link gilt nicht mehr.
error-captcha-required = Lösen Sie erst die Aufgabe.
error-captcha-invalid = Die Aufgabe wurde nicht gelöst; versuchen Sie es noch einmal.
error-route-denied = Keine Regel erlaubt das.
error-address-not-allowed = Von dort, wo Sie sind, ist das nicht zugänglich.
error-insufficient-role = Ihre Rolle erlaubt das nicht.
error-insufficient-scope = Ihre Anmeldung erlaubt das nicht.
error-csrf-invalid = Diese Seite war zu lange offen, oder Ihr Browser hat ihr Cookie nicht behalten. Erlauben Sie dieser Website Cookies und versuchen Sie es noch einmal.
error-origin-refused = Das kam von einer anderen Website und wurde deshalb abgelehnt.
error-proxy-not-trusted = Der Weg zu dieser Seite ist nicht so eingerichtet, wie er sein muss.
error-rate-limited = Von hier kamen zu viele Versuche.
error-internal = Bei uns ist etwas schiefgegangen.
error-upstream-failed = Die Website hat nicht geantwortet.
error-upstream-timeout = Die Website hat zu lange gebraucht.
error-busy = Gerade ist zu viel los; versuchen Sie es gleich noch einmal.
error-signing-unavailable = Gerade kann niemand angemeldet werden; versuchen Sie es bald noch einmal.
error-issuer-unavailable = Die Anmeldung ist nicht erreichbar.
error-keys-unavailable = Anmeldungen lassen sich gerade nicht prüfen.
error-revocations-unavailable = Anmeldungen lassen sich gerade nicht prüfen.
error-csrf-unavailable = Formulare lassen sich gerade nicht prüfen.
error-policy-invalid = Die Website ist nicht so eingerichtet, wie sie sein muss.
error-edge-misconfigured = Die Website ist nicht so eingerichtet, wie sie sein muss.

attempts-left = { $count ->
    [0] Die Anmeldung mit dieser Adresse ist jetzt für eine Weile gesperrt.
    [one] Noch 1 Versuch, dann wird die Anmeldung mit dieser Adresse gesperrt.
   *[other] Noch { $count } Versuche, dann wird die Anmeldung mit dieser Adresse gesperrt.
}
wait-seconds = { $count ->
    [one] Versuchen Sie es in 1 Sekunde noch einmal.
   *[other] Versuchen Sie es in { $count } Sekunden noch einmal.
}
wait-minutes = { $count ->
    [one] Versuchen Sie es in 1 Minute noch einmal.
   *[other] Versuchen Sie es in { $count } Minuten noch einmal.
}

wrong-password = Das Passwort ist falsch.
wrong-password-wait = Das Passwort ist falsch. Versuchen Sie es nach einer Weile noch einmal.
wrong-password-locked = Nach zu vielen falschen Passwörtern wird hier vorerst keines angenommen.
wrong-other-password = Das ist ein anderes Passwort.
wrong-email = Geben Sie eine E-Mail-Adresse wie ada@example.com ein.
wrong-name = Ein Name hat höchstens { $count } Zeichen und keine Steuerzeichen.
wrong-role = Eine Rolle hat Buchstaben, Ziffern und - _ . : und höchstens { $count } davon.
wrong-roles = Das sind zu viele Rollen für ein Konto.
wrong-password-unchanged = Das neue Passwort ist das bisherige. Wählen Sie ein anderes.
wrong-password-needed = Geben Sie Ihr Passwort ein: Sie haben das Konto in einem anderen Browser angelegt.
wrong-password-lacks = Das Passwort genügt noch nicht. Verlangt: { $wanted }.
wrong-password-frequent = Das Passwort gehört zu denen, die zuerst geraten werden: ein häufiges Wort, eine Tastenreihe, eine Wiederholung oder Ihr eigener Name.

wanted-at-least = { $count ->
    [one] mindestens 1 Zeichen
   *[other] mindestens { $count } Zeichen
}
wanted-at-most = { $count ->
    [one] höchstens 1 Zeichen
   *[other] höchstens { $count } Zeichen
}
wanted-upper-case = ein Großbuchstabe
wanted-lower-case = ein Kleinbuchstabe
wanted-digit = eine Ziffer
wanted-special = ein Sonderzeichen

list-and = { $first } und { $last }
