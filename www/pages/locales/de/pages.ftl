# Die Texte der Seiten vor einer Anmeldung und um sie herum.

title-error = Fehler: { $title }

field-email = E-Mail-Adresse
field-password = Passwort
field-new-password = Neues Passwort
field-first-name = Vorname
field-last-name = Nachname

frame-home = { $brand }, Startseite
frame-skip = Zum Inhalt springen
frame-languages = Sprachen
frame-start = Zur Startseite
frame-sent = Abgeschickt. Einen Moment …
frame-late = Noch ist keine Antwort da. Sie können es noch einmal abschicken.
frame-address-bar = Sehen Sie auf die Adresszeile, bevor Sie ein Passwort eingeben: Dort muss die Website stehen, die Sie besuchen wollten.

login-title = Anmelden
login-submit = Anmelden
login-forgot = Passwort vergessen?
login-new = Neu hier?
login-register = Konto anlegen
login-back = Zurück zur Anmeldung

register-title = Konto anlegen
register-submit = Konto anlegen
register-known = Sie haben schon ein Konto?
register-login = Anmelden

password-hint = Ein langer Satz, den Sie sonst nirgends verwenden. Nötig sind { $wanted }.

step-up-title = Bestätigen Sie, dass Sie es sind
step-up-lead = Was Sie vorhaben, verlangt noch einmal Ihr Passwort.
step-up-submit = Bestätigen
resend-title = Vielen Dank
resend-lead = Sie sind es. Was Sie vorhatten, ist noch nicht geschehen.
resend-end-session = Sitzung beenden
resend-end-all = Sitzungen beenden
resend-leave = Bleiben lassen

step-up-not-you = Das sind nicht Sie?
step-up-sign-out = Abmelden

sign-out-title = Abmelden?
sign-out-lead = Das beendet Ihre Sitzung auf diesem Gerät. Andere Geräte bleiben angemeldet.
sign-out-submit = Abmelden
sign-out-stay = Angemeldet bleiben

confirm-title = Adresse bestätigen
confirm-lead = Damit entsteht das Konto, das Sie mit dieser E-Mail-Adresse angelegt haben. Wenn Sie das nicht waren, schließen Sie diese Seite.
confirm-password-hint = Das Passwort, das Sie beim Anlegen gewählt haben. Es wird verlangt, weil dies ein anderer Browser ist.
confirm-submit = Bestätigen
confirm-done-title = Ihre Adresse ist bestätigt
confirm-done = Sie haben jetzt ein Konto. Melden Sie sich mit dem Passwort an, das Sie gewählt haben.

forgot-title = Passwort vergessen?
forgot-lead = Wir schicken einen Link an Ihre E-Mail-Adresse. Damit wählen Sie ein neues Passwort.
forgot-submit = Link schicken

mailed-title = Sehen Sie in Ihr Postfach
mailed-register = Wir haben an diese Adresse geschrieben. In der Mail steht, wie es weitergeht; ihr Link gilt { $life }.
mailed-reset = Wenn es zu dieser Adresse ein Konto gibt, ist eine Mail mit einem Link unterwegs. Der Link gilt { $life }.
life-minutes = { $number } Minuten
life-hours = { $number } Stunden

reset-title = Neues Passwort wählen
reset-lead = Danach sind Sie auf allen Geräten abgemeldet.
reset-submit = Passwort ändern
reset-done-title = Ihr Passwort ist geändert
reset-done = Alle Geräte wurden abgemeldet. Melden Sie sich mit dem neuen Passwort an.

challenge-needs-scripts = Dieser Schritt braucht Skripte: Sie zeigen eine Aufgabe, die Maschinen fernhält.

nav-label = Ihr Konto
nav-signed-in-as = Angemeldet als
nav-sign-out = Abmelden
nav-profile = Profil
nav-sessions = Sitzungen
