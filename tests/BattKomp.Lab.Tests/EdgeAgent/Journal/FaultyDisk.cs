using BattKomp.Lab.EdgeAgent.Journal;

namespace BattKomp.Lab.Tests.EdgeAgent.Journal;

/// <summary>A folder in memory that can lose what was not flushed, fill up, and refuse to flush.</summary>
internal sealed class FaultyDisk : IJournalDisk
{
    private readonly Lock _gate = new();
    private Dictionary<string, Content> _names = [];
    private Dictionary<string, Content> _durableNames = [];
    private readonly List<Action<Dictionary<string, Content>>> _unflushed = [];
    private int _operationsLeft = int.MaxValue;

    /// <summary>Bytes that all files together may hold.</summary>
    public long Capacity { get; set; } = long.MaxValue;

    /// <summary>Number of flushes done.</summary>
    public int Flushes { get; private set; }

    /// <summary>Called inside every flush, before it counts; for slow disks.</summary>
    public Action? OnFlush { get; set; }

    /// <summary>The power goes after this many more writes and flushes.</summary>
    public void CutAfter(int operations)
    {
        lock (_gate)
            _operationsLeft = operations;
    }

    /// <summary>Power is back: un-flushed bytes are lost but for a random part of them; of the un-flushed creations, renames and removals none, all or any subset has happened.</summary>
    public void PowerUp(Random random)
    {
        lock (_gate)
        {
            _operationsLeft = int.MaxValue;
            var luck = random.Next(3);
            foreach (var change in _unflushed)
                if (luck == 1 || (luck == 2 && random.Next(2) == 0))
                    change(_durableNames);
            _unflushed.Clear();
            _names = new Dictionary<string, Content>(_durableNames);
            foreach (var content in _names.Values)
                content.Lose(random);
            _durableNames = new Dictionary<string, Content>(_names);
        }
    }

    /// <summary>Flips a bit of a file, as bad flash does.</summary>
    public void Damage(string name, int offset)
    {
        lock (_gate)
        {
            _names[name].Current[offset] ^= 0x40;
            _names[name].Durable = [.. _names[name].Current];
        }
    }

    public IReadOnlyList<string> List()
    {
        lock (_gate)
            return [.. _names.Keys];
    }

    public IJournalFile Open(string name)
    {
        lock (_gate)
        {
            if (!_names.TryGetValue(name, out var content))
            {
                content = new Content();
                Change(names => names[name] = content);
            }
            return new Handle(this, content);
        }
    }

    public void Rename(string from, string to)
    {
        lock (_gate)
        {
            Change(names =>
            {
                if (names.Remove(from, out var content))
                    names[to] = content;
            });
        }
    }

    public void Delete(string name)
    {
        lock (_gate)
            Change(names => names.Remove(name));
    }

    public void FlushDirectory()
    {
        lock (_gate)
        {
            Spend();
            _durableNames = new Dictionary<string, Content>(_names);
            _unflushed.Clear();
        }
    }

    private void Change(Action<Dictionary<string, Content>> change)
    {
        change(_names);
        _unflushed.Add(change);
    }

    private void Spend()
    {
        if (_operationsLeft <= 0)
            throw new IOException("power cut");
        _operationsLeft--;
    }

    private sealed class Content
    {
        public byte[] Current { get; set; } = [];

        public byte[] Durable { get; set; } = [];

        public void Lose(Random random)
        {
            if (Current.Length > Durable.Length && Current.AsSpan().StartsWith(Durable))
            {
                var kept = Current[..random.Next(Durable.Length, Current.Length + 1)];
                // Pages reach a disk in any order: a hole of zeros may lie before bytes that did arrive.
                if (random.Next(2) == 0 && kept.Length > Durable.Length)
                    kept.AsSpan(random.Next(Durable.Length, kept.Length), 1).Clear();
                Current = kept;
            }
            else if (random.Next(2) == 0)
            {
                Current = Durable;
            }
            Durable = [.. Current];
        }
    }

    private sealed class Handle(FaultyDisk disk, Content content) : IJournalFile
    {
        public long Length
        {
            get
            {
                lock (disk._gate)
                    return content.Current.Length;
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            lock (disk._gate)
            {
                disk.Spend();
                var room = disk.Capacity - disk._names.Values.Sum(c => (long)c.Current.Length);
                var taken = (int)Math.Min(bytes.Length, Math.Max(0, room));
                var grown = new byte[Math.Max(content.Current.Length, offset + taken)];
                content.Current.CopyTo(grown, 0);
                bytes[..taken].CopyTo(grown.AsSpan((int)offset));
                content.Current = grown;
                if (taken < bytes.Length)
                    throw new IOException("No space left on device");
            }
        }

        public int Read(long offset, Span<byte> into)
        {
            lock (disk._gate)
            {
                var available = content.Current.AsSpan((int)Math.Min(offset, content.Current.Length));
                var n = Math.Min(available.Length, into.Length);
                available[..n].CopyTo(into);
                return n;
            }
        }

        public void SetLength(long length)
        {
            lock (disk._gate)
            {
                disk.Spend();
                var current = content.Current;
                Array.Resize(ref current, (int)length);
                content.Current = current;
            }
        }

        public void Flush()
        {
            disk.OnFlush?.Invoke();
            lock (disk._gate)
            {
                disk.Spend();
                content.Durable = [.. content.Current];
                disk.Flushes++;
            }
        }

        public void Dispose()
        {
        }
    }
}
