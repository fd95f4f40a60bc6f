namespace BattKomp.Lab.Server.Features.Ingest;

/// <summary>One boot of an agent at a time: the hello of a newer boot ends the calls of the older ones, un-acknowledged.</summary>
public sealed class AgentFence
{
    private readonly Lock _lock = new();
    private readonly List<Leaf> _calls = [];

    /// <summary>A call on its way; cancelled when the caller goes or a newer boot comes.</summary>
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

        /// <summary>A newer boot has come.</summary>
        public bool Fenced { get; private set; }

        /// <summary>Ends the call.</summary>
        public CancellationToken Cancelled => _cancel.Token;

        internal void Fence()
        {
            Fenced = true;
            _cancel.Cancel();
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (_fence._lock) _fence._calls.Remove(this);
            _cancel.Dispose();
        }
    }

    /// <summary>Registers a call; a newest boot's call ends those of other boots.</summary>
    public Leaf Enter(string agent, string boot, bool newest, CancellationToken caller)
    {
        var leaf = new Leaf(this, agent, boot, caller);
        List<Leaf> older;
        lock (_lock)
        {
            older = newest ? [.. _calls.Where(c => c.Agent == agent && c.Boot != boot)] : [];
            foreach (var call in older) call.Fence();
            _calls.Add(leaf);
        }

        return leaf;
    }
}
