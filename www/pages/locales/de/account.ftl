# Die Seiten über das eigene Konto.

profile-title = Ihr Konto
profile-facts = Wer Sie sind
profile-name = Name
profile-no-name = Kein Name angegeben
profile-email = E-Mail-Adresse
profile-password = Passwort
profile-password-change = Passwort ändern

password-title = Passwort ändern
password-lead = Alle anderen Geräte werden abgemeldet.
password-current = Bisheriges Passwort
password-submit = Passwort ändern
password-stay = Behalten
password-changed = Ihr Passwort ist geändert. Alle anderen Geräte wurden abgemeldet.

sessions-title = Wo Sie angemeldet sind
sessions-lead = Wenn Sie etwas davon nicht kennen, beenden Sie es und ändern Sie Ihr Passwort.
sessions-column-device = Gerät
sessions-column-place = Netz
sessions-column-began = Angemeldet
sessions-column-activity = Letzte Aktivität
sessions-activity-hint = Letzte Aktivität sagt, wann sich das Gerät angemeldet, zuletzt seine Anmeldung erneuert oder zuletzt die Seiten des Kontos benutzt hat. Erneuern kann ein Browser von selbst, solange eine Seite offen ist, auch wenn niemand davor sitzt. Benutzt worden sein kann das Gerät noch bis etwa { $minutes ->
    [one] 1 Minute
   *[other] { $minutes } Minuten
} nach der gezeigten Zeit.
sessions-column-act = Was Sie tun können
sessions-device = { $browser } unter { $system }
sessions-no-device = Unbekanntes Gerät
sessions-no-place = Nicht bekannt
sessions-this = Dieses Gerät
sessions-end = Beenden
sessions-end-one = Beenden: { $device }
sessions-sign-out = Abmelden
sessions-only-this = Sie sind nur auf diesem Gerät angemeldet.
sessions-end-all = Überall abmelden

sessions-ended = Die Sitzung ist beendet.
sessions-already-ended = Diese Sitzung war schon beendet.
sessions-others-ended = Alle anderen Geräte wurden abgemeldet.
sessions-failed = Das hat nicht geklappt, die Sitzung besteht noch. Versuchen Sie es noch einmal.
sessions-unanswered = Ob die Sitzung beendet ist, ist nicht bekannt. Versuchen Sie es noch einmal.

end-title = Diese Sitzung beenden?
end-lead = Das Gerät wird sofort abgemeldet und muss sich neu anmelden.
end-submit = Sitzung beenden
end-stay = Behalten

end-all-title = Überall abmelden?
end-all-lead = Geräte werden sofort abgemeldet und müssen sich neu anmelden.
end-all-others = Überall sonst
end-all-here-too = Überall, auch hier
end-all-stay = Angemeldet bleiben
