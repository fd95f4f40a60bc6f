using System.CommandLine;
using System.CommandLine.Invocation;
using BattKomp.Lab.Cli.Commands;
using BattKomp.Lab.Cli.Output;

namespace BattKomp.Lab.Cli;

/// <summary>The command tree, and the one place where anything that goes wrong becomes a sentence and an exit code.</summary>
public static class CliApplication
{
    /// <summary>Runs one command line. 0 = done, 1 = refused or invalid, 2 = unreadable or unreachable.</summary>
    public static async Task<int> RunAsync(string[] args, CliHost host, CancellationToken cancel = default)
    {
        var globals = new Globals(host);
        var parsed = Root(globals).Parse(args);
        // Looked up as text because a command line that does not parse must still be answered in the form asked for.
        var report = new Report(host, args.Contains("--json"));
        try
        {
            if (parsed.Action is ParseErrorAction) throw Usage(parsed);
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, Output = host.Out, Error = host.Error };
            return await parsed.InvokeAsync(configuration, cancel);
        }
        catch (Exception e) when (Failure.Of(e) is { } failure)
        {
            report.Fail(failure);
            return failure.ExitCode;
        }
        finally
        {
            await host.Out.FlushAsync(CancellationToken.None);
        }
    }

    private static RootCommand Root(Globals globals)
    {
        var root = new RootCommand("BattKomp.Lab: book battery test rigs, follow runs, pull datasets, read cycler files and captured frames.")
        {
            RigCommands.Create(globals),
            FindCommand.Create(globals),
            BookCommand.Create(globals),
            BookingCommands.Create(globals),
            PolicyCommands.Create(globals),
            WaitCommands.Create(globals),
            ClassCommands.Create(globals),
            RunCommands.Create(globals),
            AgentCommands.Create(globals),
            IncidentCommands.Create(globals),
            FeedCommands.Create(globals),
            NoticeCommands.Create(globals),
            WebhookCommands.Create(globals),
            ShareCommand.Create(globals),
            QualificationCommands.Create(globals),
            RiskAssessmentCommands.Create(globals),
            UsageCommands.Create(globals),
            DatasetCommands.Create(globals),
            DataCommands.Create(globals),
            InstrumentCommands.Create(globals),
        };
        root.Add(globals.Server);
        root.Add(globals.Token);
        root.Add(globals.Json);
        return root;
    }

    private static CliException Usage(ParseResult parsed)
    {
        var path = string.Join(' ', Path(parsed.CommandResult).Reverse());
        var what = parsed.Errors.Count > 0 ? string.Join(" ", parsed.Errors.Select(e => e.Message)) : "The command is not complete.";
        return new CliException(new Failure(ExitCodes.Refused, "USAGE", what) { Remedy = $"See '{path} --help'." });
    }

    private static IEnumerable<string> Path(System.CommandLine.Parsing.CommandResult command)
    {
        for (System.CommandLine.Parsing.SymbolResult? at = command; at is System.CommandLine.Parsing.CommandResult c; at = at.Parent)
            yield return c.Command is RootCommand ? "battlab" : c.Command.Name;
    }
}
