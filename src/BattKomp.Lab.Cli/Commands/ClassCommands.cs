using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;
using Google.Protobuf;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>classes create | show | copy | join | plan</summary>
internal static class ClassCommands
{
    public static Command Create(Globals globals) => new("classes", "A class at the rigs: benches, groups, rotation, seats by code.") { Add(globals), Show(globals), Copy(globals), Join(globals), Plan(globals) };

    private static Command Add(Globals globals)
    {
        var file = new Argument<string>("file") { Description = "a class as JSON with the fields of ClassBlock in protos/battkomp/lab/v1/classes.proto" };
        var dry = new Option<bool>("--dry-run") { Description = "only say whether it would be accepted" };
        var command = new Command("create", "Book a class, once or as a series, whole or not at all.") { file, dry };
        globals.Run(command, async session =>
        {
            ClassBlock block;
            try
            {
                block = ClassBlock.Parser.ParseJson(await File.ReadAllTextAsync(session.Get(file)!, session.Cancel));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidProtocolBufferException or InvalidJsonException)
            {
                throw CliException.Invalid("FIELDS_INVALID", $"{session.Get(file)} is no class: {e.Message}", "Write it as JSON with the fields of ClassBlock in protos/battkomp/lab/v1/classes.proto.");
            }
            var request = new CreateClassBlockRequest { ClassBlock = block, ValidateOnly = session.Get(dry), RequestId = Names.NewRequestId() };
            Tell(session, await session.Connection.Classes.CreateClassBlockAsync(request, session.Connection.Question(session.Cancel)), request.ValidateOnly);
        });
        return command;
    }

    private static Command Show(Globals globals)
    {
        var name = new Argument<string>("class") { Description = "classBlocks/…" };
        var command = new Command("show", "A class with its code and seats.") { name };
        globals.Run(command, async session =>
        {
            var block = await session.Connection.Classes.GetClassBlockAsync(new GetClassBlockRequest { Name = Names.Full(session.Get(name)!, "classBlocks") }, session.Connection.Question(session.Cancel));
            session.Report.Answer(block, () =>
            {
                session.Report.Line($"{block.Name}: {block.Booking.Cohort}, code {block.JoinCode}, {block.Taken.Count} of {Words.Count(block.Seats, "seat")} taken");
                foreach (var seat in block.Taken) session.Report.Line($"group {seat.Group}: {seat.Alias}", 2);
            });
        });
        return command;
    }

    private static Command Copy(Globals globals)
    {
        var name = new Argument<string>("class") { Description = "classBlocks/…" };
        var week = new Option<string>("--week") { Description = "ISO week, e.g. 2027-W06", Required = true };
        var rule = new Option<string?>("--every") { Description = "an RFC 5545 rule in place of one that ends at a date" };
        var dry = new Option<bool>("--dry-run") { Description = "only say whether it would be accepted" };
        var command = new Command("copy", "The same class in another school week: same weekday and times.") { name, week, rule, dry };
        globals.Run(command, async session =>
        {
            var parts = session.Get(week)!.Split("-W");
            if (parts.Length != 2 || !int.TryParse(parts[0], out var year) || !int.TryParse(parts[1], out var number)) throw CliException.Invalid("FIELDS_INVALID", $"'{session.Get(week)}' is no ISO week.", "Write it like 2027-W06.");
            var request = new CopyClassBlockRequest { Name = Names.Full(session.Get(name)!, "classBlocks"), IsoYear = year, IsoWeek = number, Rrule = session.Get(rule) ?? "", ValidateOnly = session.Get(dry), RequestId = Names.NewRequestId() };
            Tell(session, await session.Connection.Classes.CopyClassBlockAsync(request, session.Connection.Question(session.Cancel)), request.ValidateOnly);
        });
        return command;
    }

    private static Command Join(Globals globals)
    {
        var code = new Argument<string>("code") { Description = "the code that the teacher gave out" };
        var alias = new Option<string>("--alias") { Description = "what you are called in this class; not your name", Required = true };
        var command = new Command("join", "Take a seat.") { code, alias };
        globals.Run(command, async session =>
        {
            var seat = await session.Connection.Classes.JoinClassAsync(new JoinClassRequest { Code = session.Get(code)!, Alias = session.Get(alias)! }, session.Connection.Question(session.Cancel));
            session.Report.Answer(seat, () => session.Report.Line($"You are in group {seat.Group}."));
        });
        return command;
    }

    private static Command Plan(Globals globals)
    {
        var code = new Argument<string>("code") { Description = "the code that the teacher gave out" };
        var alias = new Option<string>("--alias") { Description = "what you are called in this class", Required = true };
        var command = new Command("plan", "Where your group stands, and when.") { code, alias };
        globals.Run(command, async session =>
        {
            var plan = await session.Connection.Classes.GetClassPlanAsync(new GetClassPlanRequest { Code = session.Get(code)!, Alias = session.Get(alias)! }, session.Connection.Question(session.Cancel));
            session.Report.Answer(plan, () =>
            {
                session.Report.Line($"Group {plan.Group}.");
                foreach (var stop in plan.Stops) session.Report.Line($"from minute {stop.FromMinute}: {stop.Bench}", 2);
                foreach (var lesson in plan.Lessons) session.Report.Line($"lesson {lesson}");
            });
        });
        return command;
    }

    private static void Tell(Session session, CreateClassBlockResponse response, bool dry)
    {
        var refused = response.Items.Count(i => i.Violations.Count > 0);
        session.Report.Answer(response, () =>
        {
            session.Report.Line(response.ClassBlock is { } made ? $"{made.Name}: {Words.Count(response.Items.Count, "lesson")}, code {made.JoinCode}." : dry && refused == 0 ? "This would be accepted; nothing was booked." : "Nothing is kept:");
            foreach (var item in response.Items)
            {
                session.Report.Line($"{item.Start}  {(item.Violations.Count > 0 ? "refused" : item.Booking.Length > 0 ? item.Booking : "free")}");
                foreach (var violation in item.Violations) session.Report.Line($"{violation.Reason}: {violation.Message}", 2);
            }
        });
        if (refused > 0) throw new CliException(new Failure(ExitCodes.Refused, "CLASS_REFUSED", $"Nothing was booked: {refused} of {Words.Count(response.Items.Count, "lesson")} refused.") { Remedy = "Choose other times or benches." });
    }
}
