namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>One boot of an agent at a time: the hello of a newer boot ends the calls of the older ones, un-acknowledged.</summary>
public sealed class AgentFence
{
    private readonly Lock _lock = new();
    private readonly List<Leaf> _calls = [];

    /// <summary>A call on its way; cancelled when the caller goes, a newer boot comes or the agent is revoked.</summary>
    public sealed class Leaf : IDisposable
    {
        private readonly AgentFence _fence;
        private readonly CancellationTokenSource _cancel;

        internal Leaf(AgentFence fence, string agent, string boot, CancellationToken caller)
        {
            (_fence, Agent, Boot) = (fence, agent, boot);
            _cancel = CancellationTokenSource.CreateLinkedTokenSource(caller);
        }

        internal string Agent { get; }
        internal string Boot { get; }

        /// <summary>Why the call was ended by the fence; null while it was not.</summary>
        public string? Why { get; private set; }

        /// <summary>Ends the call.</summary>
        public CancellationToken Cancelled => _cancel.Token;

        internal void Fence(string why)
        {
            Why = why;
            _cancel.Cancel();
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (_fence._lock) _fence._calls.Remove(this);
            _cancel.Dispose();
        }
    }

    /// <summary>Ends every call of an agent that is no longer trusted: what it sends on its next one goes to quarantine.</summary>
    public void EndCalls(string agent, string why)
    {
        lock (_lock)
            foreach (var call in _calls.Where(c => c.Agent == agent).ToList())
                call.Fence(why);
    }

    /// <summary>Registers a call; a newest boot's call ends those of other boots.</summary>
    public Leaf Enter(string agent, string boot, bool newest, CancellationToken caller)
    {
        var leaf = new Leaf(this, agent, boot, caller);
        List<Leaf> older;
        lock (_lock)
        {
            older = newest ? [.. _calls.Where(c => c.Agent == agent && c.Boot != boot)] : [];
            foreach (var call in older) call.Fence("A newer boot of this agent is connected. If this is not a copy of it, restart the agent.");
            _calls.Add(leaf);
        }

        return leaf;
    }
}
