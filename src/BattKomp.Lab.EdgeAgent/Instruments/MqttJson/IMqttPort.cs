namespace BattKomp.Lab.EdgeAgent.Instruments.MqttJson;

/// <summary>Takes one message. Called in order; returns at once; the task completes when the message may be acknowledged. Never throws.</summary>
public delegate Task MqttHandler(ReadOnlyMemory<byte> payload);

/// <summary>The agent's side of a broker, its own or another's.</summary>
public interface IMqttPort
{
    /// <summary>Routes a topic, before or while <see cref="RunAsync"/> runs; takes the place of an earlier route.</summary>
    void Route(string topic, MqttHandler handler);

    /// <summary>Tells when a connection that stood is gone, and when one stands again; before <see cref="RunAsync"/>. A broker of the agent's own has nothing to tell.</summary>
    void Supervise(Action lost, Action back)
    {
    }

    /// <summary>Ends a route, unless another has taken its place; later messages on the topic are nobody's.</summary>
    void Unroute(string topic, MqttHandler handler);

    /// <summary>Sends a message to whoever listens now; throws <see cref="IOException"/> when there is no connection.</summary>
    Task PublishAsync(string topic, byte[] payload, CancellationToken cancel);

    /// <summary>Runs until cancelled. A failure to listen (port taken) is an <see cref="IOException"/>.</summary>
    Task RunAsync(CancellationToken cancel);

    /// <summary>Completes when messages can arrive.</summary>
    Task Ready { get; }
}
