using System.CommandLine;
using System.Globalization;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf.WellKnownTypes;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>risk-assessments create | list | withdraw</summary>
internal static class RiskAssessmentCommands
{
    public static Command Create(Globals globals) => new("risk-assessments", "What is judged of a test object on a rig under a procedure (lab staff).") { Make(globals), List(globals), Withdraw(globals) };

    private static Command Make(Globals globals)
    {
        var rig = new Argument<string>("rig") { Description = "rigs/…" };
        var until = new Option<string>("--until") { Description = $"when it must be looked at again: {TimeText.Forms}", Required = true };
        var reference = new Option<string>("--reference") { Description = "number or address of the document", Required = true };
        var testObject = new Option<string?>("--test-object") { Description = "testObjects/…; left out = whatever the rig is approved for" };
        var procedure = new Option<string?>("--procedure") { Description = "procedures/…/versions/…; left out = any" };
        var sha = new Option<string?>("--sha256") { Description = "hash of the document" };
        var dry = new Option<bool>("--dry-run") { Description = "only say whether it would be accepted" };
        var command = new Command("create", "Make a risk assessment (lab managers).") { rig, until, reference, testObject, procedure, sha, dry };
        globals.Run(command, async session =>
        {
            var request = new CreateRiskAssessmentRequest
            {
                RiskAssessment = new RiskAssessment
                {
                    Rig = Names.Full(session.Get(rig)!, "rigs"),
                    TestObject = session.Get(testObject) is { Length: > 0 } cell ? Names.Full(cell, "testObjects") : "",
                    Procedure = session.Get(procedure) ?? "",
                    ValidUntil = Timestamp.FromDateTimeOffset(TimeText.Instant(session.Get(until)!, "--until", session.Host.Time)),
                    Reference = session.Get(reference)!,
                    Sha256 = session.Get(sha) ?? "",
                },
                ValidateOnly = session.Get(dry),
                RequestId = Names.NewRequestId(),
            };
            var made = await session.Connection.RiskAssessments.CreateRiskAssessmentAsync(request, session.Connection.Question(session.Cancel));
            if (request.ValidateOnly) session.Report.Note("This would be accepted; nothing was made.");
            session.Report.Answer(made, () => Write(session.Report, made));
        });
        return command;
    }

    private static Command List(Globals globals)
    {
        var of = new Option<string?>("--of") { Description = "only of this lab or rig" };
        var all = new Option<bool>("--all") { Description = "also those that are over or withdrawn" };
        var command = new Command("list", "List risk assessments of your lab.") { of, all };
        globals.Run(command, async session =>
        {
            var found = new ListRiskAssessmentsResponse();
            var request = new ListRiskAssessmentsRequest { Of = session.Get(of) ?? "", IncludeEnded = session.Get(all) };
            do
            {
                var page = await session.Connection.RiskAssessments.ListRiskAssessmentsAsync(request, session.Connection.Question(session.Cancel));
                found.RiskAssessments.Add(page.RiskAssessments);
                request.PageToken = page.NextPageToken;
            }
            while (request.PageToken.Length > 0);
            session.Report.Answer(found, () =>
            {
                session.Report.Line(found.RiskAssessments.Count == 0 ? "There are no risk assessments to see." : $"{Words.Count(found.RiskAssessments.Count, "risk assessment")}:");
                foreach (var a in found.RiskAssessments)
                {
                    session.Report.Line();
                    Write(session.Report, a);
                }
            });
        });
        return command;
    }

    private static Command Withdraw(Globals globals)
    {
        var name = new Argument<string>("assessment") { Description = "riskAssessments/…" };
        var reason = new Option<string>("--reason") { Description = "why; kept in the audit", Required = true };
        var command = new Command("withdraw", "End a risk assessment now; bookings made on it get no lease (lab managers).") { name, reason };
        globals.Run(command, async session =>
        {
            var request = new WithdrawRiskAssessmentRequest { Name = Names.Full(session.Get(name)!, "riskAssessments"), Reason = session.Get(reason)!, RequestId = Names.NewRequestId() };
            var withdrawn = await session.Connection.RiskAssessments.WithdrawRiskAssessmentAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(withdrawn, () => Write(session.Report, withdrawn));
        });
        return command;
    }

    private static void Write(Report report, RiskAssessment a)
    {
        report.Line($"{(a.Name.Length > 0 ? a.Name : "(not made)")}: {a.Rig}, {(a.TestObject.Length > 0 ? a.TestObject : "any test object")}, {(a.Procedure.Length > 0 ? a.Procedure : "any procedure")}");
        report.Line(a.State == RiskAssessment.Types.State.Withdrawn ? $"withdrawn by {a.WithdrawnBy}: {a.WithdrawReason}" : $"{Words.Of(a.State)}, until {Day(a.ValidUntil)}, see {a.Reference}", 2);
    }

    private static string Day(Timestamp stamp) => stamp.ToDateTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
