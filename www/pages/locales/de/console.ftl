# Die Texte der Seiten für Verwaltende.

nav-people = Personen
nav-account = Ihr Konto

people-title = Personen
people-lead = Finden Sie jemanden über den Anfang der E-Mail-Adresse, des Namens oder des Nachnamens.
people-query = Adresse oder Name
people-role = Rolle
people-role-any = Jede Rolle
people-status = Zustand
people-status-any = Jeder Zustand
people-status-locked = Gesperrt
people-status-signed-in = Angemeldet
people-search = Suchen
people-caption = In der Reihenfolge der Adressen
people-who = Person
people-roles = Rollen
people-state = Zustand
people-since = Konto seit
people-open = Offen
people-none = So jemanden gibt es nicht. Suchen Sie nach weniger oder in anderer Schreibweise.
people-no-role = Keine Rolle
people-next = Weitere Personen
people-first = Von vorn
people-wrong-query = Danach lässt sich nicht suchen. Nehmen Sie ein paar Buchstaben einer Adresse oder eines Namens.

person-back = Alle Personen
person-facts = Konto
person-email = E-Mail-Adresse
person-id = Kennung
person-since = Konto seit
person-lock = Anmeldung
person-locked-until = gesperrt bis
person-not-locked = offen
person-confirm-lead = Für Änderungen müssen Sie sich kurz vorher angemeldet haben.
person-confirm = Bestätigen, dass Sie es sind
person-unlock = Sperre aufheben

person-roles = Rollen
person-roles-hint = Eine Änderung meldet diese Person überall ab; die nächste Anmeldung hat die neuen Rollen.
person-roles-all = Rollen dieser Person
person-roles-other = Weitere Rollen
person-roles-other-hint = Buchstaben, Ziffern und - _ . : mit einem Leerzeichen zwischen zweien.
person-roles-save = Rollen speichern

roles-again-title = Diese Rollen speichern?
roles-again-lead = Sie sind noch nicht gespeichert. Sehen Sie sie an, und speichern Sie sie.
roles-again-leave = Nichts ändern und zurück zur Person

person-sessions = Sitzungen
person-sessions-none = Diese Person ist nirgends angemeldet.
person-session-end = Diese Sitzung beenden
person-session-sure = Wer sie benutzt, ist dort binnen einer Sekunde abgemeldet.
person-session-yes = Sitzung beenden
person-sessions-end = Alle Sitzungen beenden
person-sessions-sure = Diese Person ist binnen einer Sekunde überall abgemeldet.
person-sessions-yes = Alle beenden

person-done-roles = Die Rollen sind gespeichert.
person-done-unlock = Die Sperre ist aufgehoben.
person-done-session = Die Sitzung ist beendet.
person-done-sessions = Alle Sitzungen sind beendet.
