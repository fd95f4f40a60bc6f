using BattKomp.Lab.Contracts;
using BattKomp.Lab.Tests.Support;
using BattKomp.Lab.V1;
using Grpc.Core;
using Xunit;

namespace BattKomp.Lab.Tests.Server.Catalogue;

public sealed class CatalogueTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rigs_are_listed_page_by_page_and_the_pages_equal_the_whole()
    {
        await using var lab = await TestLab.StartAsync();
        var client = new LabService.LabServiceClient(lab.As(TestSeed.Teacher));
        var whole = (await client.ListRigsAsync(new ListRigsRequest(), cancellationToken: Cancel)).Rigs;
        var walked = new List<Rig>();
        var token = "";
        for (var page = 0; page < 10; page++)
        {
            var answer = await client.ListRigsAsync(new ListRigsRequest { PageSize = 1, PageToken = token }, cancellationToken: Cancel);
            walked.AddRange(answer.Rigs);
            token = answer.NextPageToken;
            if (token.Length == 0) break;
        }
        Assert.Equal(whole, walked);
        Assert.Equal(2, whole.Count);
    }

    [Fact]
    public async Task A_test_object_with_several_mistakes_is_refused_with_all_of_them()
    {
        await using var lab = await TestLab.StartAsync();
        var client = new LabService.LabServiceClient(lab.As(TestSeed.DoctoralStudent));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.CreateTestObjectAsync(
            new CreateTestObjectRequest { TestObject = new TestObject { Kind = "battery", Title = "x", HazardClass = "h9" } }, cancellationToken: Cancel));
        var fields = e.GetRpcStatus()!.GetDetail<Google.Rpc.BadRequest>()!.FieldViolations.Select(v => v.Field).ToArray();
        Assert.Equal(["test_object.kind", "test_object.nominal_ampere_hour", "test_object.condition", "test_object.hazard_class", "test_object.transport_status"], fields);
        Assert.Equal("FIELDS_INVALID", ErrorCatalogue.InfoOf(e)!.Reason);
    }

    [Fact]
    public async Task A_confidential_test_object_looks_absent_to_another_organisation_and_is_left_out_of_its_list()
    {
        await using var lab = await TestLab.StartAsync();
        var made = await new LabService.LabServiceClient(lab.As(TestSeed.IndustryEngineer)).CreateTestObjectAsync(
            new CreateTestObjectRequest
            {
                TestObjectId = "secret-cell",
                TestObject = new TestObject
                {
                    Kind = "cell",
                    Title = "secret",
                    NominalAmpereHour = 5,
                    Condition = "new",
                    HazardClass = "h1",
                    TransportStatus = "prototype",
                    Visibility = new Visibility { Kind = VisibilityKind.Confidential },
                },
            }, cancellationToken: Cancel);
        Assert.Equal("organisations/company", made.Owner);
        var outsider = new LabService.LabServiceClient(lab.As(TestSeed.Teacher));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await outsider.GetTestObjectAsync(new GetTestObjectRequest { Name = made.Name }, cancellationToken: Cancel));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
        var list = await outsider.ListTestObjectsAsync(new ListTestObjectsRequest(), cancellationToken: Cancel);
        Assert.DoesNotContain(list.TestObjects, o => o.Name == made.Name);
    }

    [Fact]
    public async Task A_replayed_request_returns_the_first_answer_and_other_content_under_its_id_is_refused()
    {
        await using var lab = await TestLab.StartAsync();
        var client = new LabService.LabServiceClient(lab.As(TestSeed.DoctoralStudent));
        var request = new CreateTestObjectRequest
        {
            RequestId = "r-1",
            TestObject = new TestObject { Kind = "cell", Title = "a cell", NominalAmpereHour = 5, Condition = "new", HazardClass = "h1", TransportStatus = "prototype" },
        };
        var first = await client.CreateTestObjectAsync(request, cancellationToken: Cancel);
        var again = await client.CreateTestObjectAsync(request, cancellationToken: Cancel);
        Assert.Equal(first, again);
        request.TestObject.Title = "another cell";
        var e = await Assert.ThrowsAsync<RpcException>(async () => await client.CreateTestObjectAsync(request, cancellationToken: Cancel));
        Assert.Equal("REQUEST_ID_REUSED", ErrorCatalogue.InfoOf(e)!.Reason);
    }
}
