using System.CommandLine;
using BattKomp.Lab.Cli.Output;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>What every stop asks for.</summary>
internal sealed class StopOptions
{
    private readonly Option<string> _reason = new("--reason") { Description = "why; kept in the audit", Required = true };
    private readonly Option<string> _mode = new("--mode") { Description = "safe = at the next safe step; immediate = output off now", DefaultValueFactory = _ => "safe" };
    private readonly Option<string> _wait = new("--wait") { Description = "how long to wait for the agent's acknowledgement", DefaultValueFactory = _ => "10s" };

    public StopOptions() => _mode.AcceptOnlyFromAmong("safe", "immediate");

    public void AddTo(Command command)
    {
        command.Add(_reason);
        command.Add(_mode);
        command.Add(_wait);
    }

    public string Reason(Session session) => session.Get(_reason)!;

    public StopMode Mode(Session session) => session.Get(_mode) == "immediate" ? StopMode.Immediate : StopMode.Safe;

    public TimeSpan Wait(Session session) => TimeText.Duration(session.Get(_wait)!, "--wait");
}

/// <summary>What a stop did, channel by channel.</summary>
internal static class StopText
{
    public static void Write(Report report, string headline, StopResult result)
    {
        report.Line(headline);
        report.Line(result.Channels.Count == 0 ? "Nothing was running."
            : result.Acknowledged ? "Every channel has answered."
            : "Not every channel has answered yet; the order stays in force. Check the rig.");
        foreach (var channel in result.Channels)
        {
            var answer = channel.Acknowledged ? $"off after {Words.Number(channel.SecondsToSafe)} s" : "NOT ACKNOWLEDGED";
            report.Line($"{channel.Channel}{(channel.Run.Length > 0 ? $" ({channel.Run})" : "")}: {answer}{(channel.Detail.Length > 0 ? $", {channel.Detail}" : "")}", 2);
        }
    }
}
