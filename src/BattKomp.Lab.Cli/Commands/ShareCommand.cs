using System.CommandLine;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>share</summary>
internal static class ShareCommand
{
    public static Command Create(Globals globals)
    {
        var affiliation = new Option<string?>("--affiliation") { Description = "affiliations/… if you have several" };
        var command = new Command("share", "Why you are where you are in the order in which free time is offered.") { affiliation };
        globals.Run(command, async session =>
        {
            var request = new ExplainShareRequest { Affiliation = session.Get(affiliation) is { Length: > 0 } a ? Names.Full(a, "affiliations") : "" };
            var told = await session.Connection.Sharing.ExplainShareAsync(request, session.Connection.Question(session.Cancel));
            session.Report.Answer(told, () =>
            {
                session.Report.Line($"You are number {told.Place} of {told.Of}{(told.Tied > 0 ? $", with {told.Tied} others" : "")}, for {told.Organisation}. Use weighs half after {told.HalfLifeDays} days.");
                foreach (var level in told.Levels) session.Report.Line($"- {level.Sentence}");
            });
        });
        return command;
    }
}
