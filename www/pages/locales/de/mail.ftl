# Was in Mails steht. Ein Satz nach der Anrede beginnt klein.

mail-greeting = Guten Tag,
mail-copy-link = Wenn sich der Link nicht öffnen lässt, kopieren Sie diese Adresse in Ihren Browser:
mail-closing = Diese Mail hat ein Programm verschickt. Antworten darauf liest niemand.

# Was von einer Handlung bekannt ist, vom Ersten zum Letzten zusammengesetzt; das Ganze steht unten in einem Satz.
mail-told-when = am { $day }.{ $month }.{ $year } um { $time } UTC
mail-told-device = { $told } mit { $device }
mail-told-unlisted = einem unbekannten Programm
mail-told-place = { $told } aus dem Netz { $place }

mail-confirm-subject = Bestätigen Sie Ihre E-Mail-Adresse
mail-confirm-what = jemand möchte bei { $site } mit dieser E-Mail-Adresse ein Konto anlegen.
mail-confirm-you = Wenn Sie das sind, bestätigen Sie die Adresse innerhalb von { $life }. Melden Sie sich dann mit dem Passwort an, das Sie gewählt haben.
mail-confirm-not-you = Wenn Sie das nicht sind, tun Sie nichts: Ohne diesen Link entsteht kein Konto.
mail-confirm-link = Adresse bestätigen

mail-known-subject = Sie haben schon ein Konto
mail-known-what = jemand wollte bei { $site } mit dieser E-Mail-Adresse ein Konto anlegen, zu der es schon eines gibt. Es wurde nichts geändert.
mail-known-you = Wenn Sie das waren, melden Sie sich an wie bisher. Wenn Sie das Passwort vergessen haben, können Sie ein neues wählen.
mail-known-not-you = Wenn Sie das nicht waren, müssen Sie nichts tun.
mail-known-link = Passwort vergessen

mail-reset-subject = Wählen Sie ein neues Passwort
mail-reset-what = jemand hat für Ihr Konto bei { $site } ein neues Passwort angefordert.
mail-reset-you = Wenn Sie das waren, wählen Sie innerhalb von { $life } eines. Danach sind Sie auf allen Geräten abgemeldet, und der Link gilt nicht mehr.
mail-reset-not-you = Wenn Sie das nicht waren, tun Sie nichts: Das Passwort bleibt, wie es ist.
mail-reset-link = Neues Passwort wählen

mail-not-you = Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort. Das meldet alle Geräte ab:

mail-changed-subject = Ihr Passwort wurde geändert
mail-changed-what = das Passwort Ihres Kontos bei { $site } wurde { $told } geändert.

mail-locked-subject = Die Anmeldung ist eine Weile gesperrt
mail-locked-what = für Ihr Konto bei { $site } wurden { $told } zu viele falsche Passwörter versucht. Die Anmeldung ist eine Weile gesperrt und wird von selbst wieder frei; angemeldete Geräte bleiben angemeldet.
mail-locked-not-you = Wenn Sie das nicht waren, ist Ihr Passwort weiterhin gut, solange niemand sonst es kennt. Ein neues hebt die Sperre auf:

mail-device-subject = Anmeldung von einem neuen Gerät
mail-device-what = jemand hat sich { $told } mit Ihrem Konto bei { $site } angemeldet.

mail-reused-subject = Eine Sitzung wurde zur Sicherheit beendet
mail-reused-what = eine Sitzung Ihres Kontos bei { $site } wurde { $told } beendet: Ein Schlüssel von ihr wurde zweimal verwendet, also hat vielleicht jemand eine Kopie. Melden Sie sich neu an, um weiterzumachen.
