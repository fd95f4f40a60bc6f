using System.Collections.Concurrent;

namespace BattKomp.Lab.Server.Features.Agents;

/// <summary>The open lines of this server process, one an agent.</summary>
public sealed class AgentLines
{
    private readonly ConcurrentDictionary<string, AgentLine> _open = new();

    /// <summary>True while the agent has a line here.</summary>
    public bool IsOpen(string agent) => _open.ContainsKey(agent);

    /// <summary>Gives the agent's line to this call; a line it had before is fenced.</summary>
    internal AgentLine Open(string agent, string boot)
    {
        var line = new AgentLine(agent, boot);
        _open.AddOrUpdate(agent, line, (_, earlier) =>
        {
            earlier.Fence();
            return line;
        });
        return line;
    }

    /// <summary>Ends the agent's line: its key is no longer the agent's.</summary>
    public void End(string agent)
    {
        if (_open.TryGetValue(agent, out var line)) line.Fence();
    }

    internal void Close(AgentLine line) => _open.TryRemove(new KeyValuePair<string, AgentLine>(line.Agent, line));
}

/// <summary>One open line.</summary>
internal sealed class AgentLine(string agent, string boot)
{
    private readonly TaskCompletionSource _fenced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal string Agent { get; } = agent;

    internal string Boot { get; } = boot;

    /// <summary>Completes when another line takes over.</summary>
    internal Task Fenced => _fenced.Task;

    internal void Fence() => _fenced.TrySetResult();
}
