using System.CommandLine;
using System.Globalization;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;
using Kind = BattKomp.Lab.V1.QualificationEvidence.Types.Kind;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>qualifications grant | list | revoke</summary>
internal static class QualificationCommands
{
    private const string Levels = "supervised, independent or instructor";

    public static Command Create(Globals globals) => new("qualifications", "Who may use which rigs, on what evidence and until when.") { Grant(globals), List(globals), Revoke(globals) };

    private static Command Grant(Globals globals)
    {
        var person = new Argument<string>("person") { Description = "persons/…" };
        var kind = new Option<string>("--rig-kind") { Description = "code of the rigs it is for, e.g. cell-cycler", Required = true };
        var hazard = new Option<string>("--hazard") { Description = "worst hazard class it covers, e.g. h3", Required = true };
        var level = new Option<string>("--level") { Description = Levels, Required = true };
        var lab = new Option<string?>("--lab") { Description = "labs/… in which it holds; left out = the nation (coordinators)" };
        var courses = Many("--course", "a course passed: its code or title; repeat it for several");
        var certificates = Many("--certificate", "a certificate: its number or address; repeat it for several");
        var runs = Many("--supervised-run", "runs/… under supervision; repeat it for several");
        var by = new Option<string?>("--issued-by") { Description = "who gave or saw the evidence" };
        var until = new Option<string?>("--until") { Description = $"its date: {TimeText.Forms}" };
        var unused = new Option<int>("--unused-days") { Description = "it lapses after so many days without a run" };
        var neverUsed = new Option<int>("--never-used-days") { Description = "the same until the first run" };
        var dry = new Option<bool>("--dry-run") { Description = "only say whether it would be accepted" };
        var command = new Command("grant", "Grant a person a qualification, on evidence.") { person, kind, hazard, level, lab, courses, certificates, runs, by, until, unused, neverUsed, dry };
        globals.Run(command, async session =>
        {
            var asked = new Qualification
            {
                Person = Names.Full(session.Get(person)!, "persons"),
                RigKind = session.Get(kind)!,
                HazardClass = session.Get(hazard)!,
                Level = LevelOf(session.Get(level)!),
                Lab = session.Get(lab) is { Length: > 0 } named ? Names.Full(named, "labs") : "",
                UnusedDays = session.Get(unused),
                NeverUsedDays = session.Get(neverUsed),
                ValidUntil = session.Get(until) is { } text ? Timestamp.FromDateTimeOffset(TimeText.Instant(text, "--until", session.Host.Time)) : null,
            };
            foreach (var (type, references) in new[] { (Kind.Course, session.Get(courses)), (Kind.Certificate, session.Get(certificates)), (Kind.SupervisedRun, session.Get(runs)) })
                asked.Evidence.AddRange((references ?? []).Select(r => new QualificationEvidence
                {
                    Kind = type,
                    Reference = type == Kind.SupervisedRun ? Names.Full(r, "runs") : r,
                    IssuedBy = session.Get(by) ?? "",
                }));
            var request = new GrantQualificationRequest { Qualification = asked, ValidateOnly = session.Get(dry), RequestId = Names.NewRequestId() };
            var granted = await session.Connection.Qualifications.GrantQualificationAsync(request, session.Connection.Question(session.Cancel));
            if (request.ValidateOnly) session.Report.Note("This would be accepted; nothing was granted.");
            session.Report.Answer(granted, () => Write(session.Report, granted));
        });
        return command;
    }

    private static Command List(Globals globals)
    {
        var person = new Option<string?>("--person") { Description = "only this person's" };
        var lab = new Option<string?>("--lab") { Description = "only those that hold in this lab" };
        var all = new Option<bool>("--all") { Description = "also those that are over" };
        var command = new Command("list", "List the qualifications that you may see: your own, and as lab staff your lab's and the national ones.") { person, lab, all };
        globals.Run(command, async session =>
        {
            var found = new ListQualificationsResponse();
            var request = new ListQualificationsRequest { IncludeEnded = session.Get(all) };
            if (session.Get(person) is { Length: > 0 } who) request.Person = Names.Full(who, "persons");
            if (session.Get(lab) is { Length: > 0 } where) request.Lab = Names.Full(where, "labs");
            do
            {
                var page = await session.Connection.Qualifications.ListQualificationsAsync(request, session.Connection.Question(session.Cancel));
                found.Qualifications.Add(page.Qualifications);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(found, () =>
            {
                session.Report.Line(found.Qualifications.Count == 0 ? "There are no qualifications to see." : $"{Words.Count(found.Qualifications.Count, "qualification")}:");
                foreach (var q in found.Qualifications)
                {
                    session.Report.Line();
                    Write(session.Report, q);
                }
            });
        });
        return command;
    }

    private static Command Revoke(Globals globals)
    {
        var name = new Argument<string>("qualification") { Description = "qualifications/…" };
        var reason = new Option<string>("--reason") { Description = "why; kept in the audit", Required = true };
        var command = new Command("revoke", "End a qualification now; bookings made on it get no lease.") { name, reason };
        globals.Run(command, async session =>
        {
            var request = new RevokeQualificationRequest { Name = Names.Full(session.Get(name)!, "qualifications"), Reason = session.Get(reason)!, RequestId = Names.NewRequestId() };
            var revoked = await session.Connection.Qualifications.RevokeQualificationAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(revoked, () => Write(session.Report, revoked));
        });
        return command;
    }

    private static Option<string[]> Many(string name, string description) => new(name) { Description = description, DefaultValueFactory = _ => [] };

    private static QualificationLevel LevelOf(string typed) => typed switch
    {
        "supervised" => QualificationLevel.SupervisedUser,
        "independent" => QualificationLevel.IndependentUser,
        "instructor" => QualificationLevel.Instructor,
        _ => throw CliException.Invalid("FIELDS_INVALID", $"--level '{typed}' is no level.", $"Write {Levels}."),
    };

    private static void Write(Report report, Qualification q)
    {
        report.Line($"{(q.Name.Length > 0 ? q.Name : "(not granted)")}: {q.Person}, {Words.Of(q.Level)}, {q.RigKind} up to {q.HazardClass}, {(q.Lab.Length > 0 ? q.Lab : "nationwide")}");
        report.Line(State(q), 2);
        report.Line("on " + string.Join(", ", q.Evidence.Select(e => $"{Words.Of(e.Kind)} {e.Reference}")), 2);
    }

    private static string State(Qualification q) => q.State switch
    {
        Qualification.Types.State.Revoked => $"revoked {Day(q.EndTime)} by {q.RevokedBy}: {q.RevokeReason}",
        Qualification.Types.State.Lapsed => $"lapsed {Day(q.EndTime)}",
        _ => (q.State == Qualification.Types.State.NotYet ? $"valid from {Day(q.ValidFrom)}" : "valid") + (q.LapseTime is null ? "" : $" until {Day(q.LapseTime)}")
            + (q.UnusedDays > 0 ? $", each run keeps it for {Words.Count(q.UnusedDays, "day")}" : ""),
    };

    private static string Day(Timestamp stamp) => stamp.ToDateTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
